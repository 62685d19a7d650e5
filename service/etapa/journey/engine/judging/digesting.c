/* The digest of a touchpoint's id, as `digest_of` in `repeats.py` works it out. Where this module is not compiled, that function does it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define DIGEST_BYTES 6

static const uint64_t PRIME = 2147483647u, FIRST = 702531607u, SECOND = 948269191u;

static PyObject *digest(PyObject *module, PyObject *touchpoint_id)
{
    (void)module;
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(touchpoint_id, &length);
    if (text == NULL)
        return NULL;
    uint64_t first = (uint64_t)length, second = first;
    for (Py_ssize_t place = 0; place < length; place++) {
        uint64_t byte = (unsigned char)text[place];
        first = first * FIRST + byte;
        first = (first & PRIME) + (first >> 31);
        second = second * SECOND + byte;
        second = (second & PRIME) + (second >> 31);
    }
    uint64_t both = (first % PRIME) << 17 | ((second % PRIME) & 131071u);
    char bytes[DIGEST_BYTES];
    for (int place = 0; place < DIGEST_BYTES; place++)
        bytes[place] = (char)(both >> (8 * (DIGEST_BYTES - 1 - place)));
    return PyBytes_FromStringAndSize(bytes, DIGEST_BYTES);
}

static PyMethodDef functions[] = {
    {"digest", digest, METH_O, "The digest of a touchpoint's id."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.judging.digesting", "Digests of touchpoint ids.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_digesting(void)
{
    return PyModule_Create(&definition);
}
