/* Where a whole number is in a list, as `place_among` in `distinct.py` says. A window keeps up to 256 digests, and most of those looked for are not there. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Whether both are whole numbers that certainly differ. */
static inline int surely_differ(PyObject *one, PyObject *other)
{
#if PY_VERSION_HEX < 0x030C0000
    return PyLong_CheckExact(one) && PyLong_CheckExact(other)
        && (Py_SIZE(one) != Py_SIZE(other)
            || (Py_SIZE(one) != 0 && ((PyLongObject *)one)->ob_digit[0] != ((PyLongObject *)other)->ob_digit[0]));
#else
    return PyLong_CheckExact(one) && PyLong_CheckExact(other) && PyLong_AsUnsignedLongMask(one) != PyLong_AsUnsignedLongMask(other);
#endif
}

static PyObject *place_of(PyObject *module, PyObject *const *arguments, Py_ssize_t number)
{
    (void)module;
    if (number != 2 || !PyList_CheckExact(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "place_of takes a list and what to look for");
        return NULL;
    }
    PyObject *list = arguments[0], *wanted = arguments[1];
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(list); place++) {
        PyObject *each = PyList_GET_ITEM(list, place);
        if (each != wanted && surely_differ(each, wanted))
            continue;
        Py_INCREF(each);
        int is_equal = PyObject_RichCompareBool(each, wanted, Py_EQ);
        Py_DECREF(each);
        if (is_equal < 0)
            return NULL;
        if (is_equal)
            return PyLong_FromSsize_t(place);
    }
    return PyLong_FromLong(-1);
}

static PyMethodDef functions[] = {
    {"place_of", (PyCFunction)(void (*)(void))place_of, METH_FASTCALL, "Where a whole number is in a list; -1: nowhere."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.accumulators.searching", "Searches lists.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_searching(void)
{
    return PyModule_Create(&definition);
}
