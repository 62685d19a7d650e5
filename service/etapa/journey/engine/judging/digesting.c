/* The digest of a touchpoint's id, as `digest_of` in `repeats.py` works it out. Where this module is not compiled, that function does it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define DIGEST_BYTES 6

static const uint64_t PRIME = 2147483647u, FIRST = 702531607u, SECOND = 948269191u;

#define PORTION 256 /* A sum of so many products of a byte and a number below 2^31 is below 2^47. */

/* Powers of the two multipliers, the highest first. So a portion needs one remainder at its end, not one for each byte. */
static uint32_t first_powers[PORTION + 1], second_powers[PORTION + 1];

static void prepare(void)
{
    uint64_t first = 1, second = 1;
    for (int place = PORTION; place >= 0; place--) {
        first_powers[place] = (uint32_t)first;
        second_powers[place] = (uint32_t)second;
        first = first * FIRST % PRIME;
        second = second * SECOND % PRIME;
    }
}

static PyObject *digest(PyObject *module, PyObject *touchpoint_id)
{
    (void)module;
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(touchpoint_id, &length);
    if (text == NULL)
        return NULL;
    uint64_t first = (uint64_t)length, second = first;
    for (Py_ssize_t start = 0; start < length; start += PORTION) {
        Py_ssize_t number = length - start < PORTION ? length - start : PORTION;
        const uint32_t *firsts = first_powers + PORTION - number, *seconds = second_powers + PORTION - number;
        first = first % PRIME * firsts[0];
        second = second % PRIME * seconds[0];
        for (Py_ssize_t place = 0; place < number; place++) {
            uint64_t byte = (unsigned char)text[start + place];
            first += byte * firsts[place + 1];
            second += byte * seconds[place + 1];
        }
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
    prepare();
    return PyModule_Create(&definition);
}
