/* Reads a touchpoint that is written as nearly all are, in one pass over its bytes, and declines every other.

   `touchpoint.py` reads whatever is declined, decides what is refused and why, and says what is right: for what is read here it gives
   the same. Where this module is not compiled, it reads everything. Declined is whatever needs a second look: text beyond ASCII or with
   escapes, nested values, numbers that are not exact in a double at once, unknown or repeated fields, times not in UTC, and all errors. */

#include "usual_touchpoint.h"

static PyObject *read_quickly(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(arguments[0]) || !(arguments[1] == Py_None || PyBytes_Check(arguments[1]))
        || !PyBytes_CheckExact(arguments[2]) || PyBytes_GET_SIZE(arguments[2]) != 128
        || !(arguments[3] == Py_None || PyTuple_CheckExact(arguments[3]))) {
        PyErr_SetString(PyExc_TypeError, "read_quickly takes a value, a key or none, 128 bytes, and a tuple of names or none");
        return NULL;
    }
    text key = {NULL, 0};
    if (arguments[1] != Py_None)
        key = (text){(place)PyBytes_AS_STRING(arguments[1]), PyBytes_GET_SIZE(arguments[1])};
    place start = (place)PyBytes_AS_STRING(arguments[0]), end = start + PyBytes_GET_SIZE(arguments[0]);
    touchpoint read = {0};
    if (!read_touchpoint(start, end - start, key, PyBytes_AS_STRING(arguments[2]), &read))
        Py_RETURN_NONE;
    const text *texts = read.texts;
    PyObject *channel = texts[CHANNEL].start == NULL ? Py_NewRef(Py_None) : usual_text_object(texts[CHANNEL]);
    return fields_object(text_object(texts[ID]), text_object(texts[CUSTOMER_ID]), usual_text_object(texts[TYPE]), read.at, channel,
                         read.properties, read.traits, end, arguments[3]);
}

PyDoc_STRVAR(read_quickly_doc,
             "The fields of the touchpoint in a value, time in microseconds; none: read it another way.\n\n"
             "A customer id whose first character is not marked among 128, or which is not the key, is declined as well; with no key,\n"
             "any is taken. Of the properties only those named are kept; with none, all.");

static PyMethodDef methods[] = {
    {"read_quickly", (PyCFunction)(void (*)(void))read_quickly, METH_FASTCALL, read_quickly_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_reading", "See quick_reading.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_reading(void)
{
    return PyModule_Create(&module);
}
