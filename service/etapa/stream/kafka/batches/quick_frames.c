/* Gives records, whose bodies stand one behind the other, their place in a batch: length, attributes, time and position.

   `_frames_slowly` in `record_buffer.py` does the same, where this module is not compiled. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

/* A number from 0 on as Kafka writes it: zigzag, seven bits to a byte, the lowest first. */
static unsigned char *with_number(unsigned char *at, size_t number)
{
    for (number <<= 1; number > 127; number >>= 7)
        *at++ = (unsigned char)(number | 128);
    *at++ = (unsigned char)number;
    return at;
}

#define MOST_BEFORE 22 /* Bytes before a body: two numbers, and two for attributes and time. */

/* Where a body ends, or -1 with an error. */
static Py_ssize_t end_of(PyObject *ends, Py_ssize_t place, Py_ssize_t begin, Py_ssize_t all)
{
    Py_ssize_t end = place < 0 ? 0 : PyLong_AsSsize_t(PyList_GET_ITEM(ends, place));
    if (end >= begin && end <= all)
        return end;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "bodies do not end in order, or beyond their bytes");
    return -1;
}

static size_t written_before(unsigned char *head, size_t body, size_t position)
{
    unsigned char place[MOST_BEFORE] = {0, 0};
    size_t size = (size_t)(with_number(place + 2, position) - place);
    unsigned char *at = with_number(head, size + body);
    memcpy(at, place, size);
    return (size_t)(at - head) + size;
}

static PyObject *frames(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer bodies;
    PyObject *ends;
    Py_ssize_t start, position, room;
    if (!PyArg_ParseTuple(arguments, "y*O!nnn", &bodies, &PyList_Type, &ends, &start, &position, &room))
        return NULL;
    PyObject *made = NULL, *result = NULL;
    Py_ssize_t stop = PyList_GET_SIZE(ends);
    if (start < 0 || start >= stop || position < 0) {
        PyErr_SetString(PyExc_ValueError, "no such record");
        goto done;
    }
    Py_ssize_t begin = end_of(ends, start - 1, 0, bodies.len), first_end = end_of(ends, start, begin, bodies.len);
    if (begin < 0 || first_end < 0)
        goto done;
    /* The first record of a batch is taken however large it is. */
    Py_ssize_t most = position || room > first_end - begin + MOST_BEFORE ? room : first_end - begin + MOST_BEFORE;
    Py_ssize_t all = bodies.len - begin + (stop - start) * MOST_BEFORE;
    most = most < 0 ? 0 : most > all ? all : most;
    made = PyBytes_FromStringAndSize(NULL, most);
    if (made == NULL)
        goto done;
    unsigned char *first = (unsigned char *)PyBytes_AS_STRING(made), *at = first;
    for (; start < stop; start++, position++) {
        unsigned char head[2 * MOST_BEFORE];
        Py_ssize_t end = end_of(ends, start, begin, bodies.len);
        if (end < 0) {
            Py_CLEAR(made);
            goto done;
        }
        size_t body = (size_t)(end - begin), before = written_before(head, body, (size_t)position);
        if (position && at - first + (Py_ssize_t)(before + body) > room)
            break;
        memcpy(at, head, before);
        memcpy(at + before, (const char *)bodies.buf + begin, body);
        at += before + body;
        begin = end;
    }
    if (_PyBytes_Resize(&made, at - first) == 0)
        result = Py_BuildValue("On", made, start);
done:
    Py_XDECREF(made);
    PyBuffer_Release(&bodies);
    return result;
}

PyDoc_STRVAR(frames_doc,
             "Records made of bodies, and the place of the first that found no room, or the end. Takes the bodies, one behind the other, and where\n"
             "each ends; the place of the first to be written; its position in the batch; and for how many bytes there is room. A record at\n"
             "position 0 is taken however large it is.");

static PyMethodDef methods[] = {
    {"frames", frames, METH_VARARGS, frames_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_frames", "See quick_frames.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_frames(void)
{
    return PyModule_Create(&module);
}
