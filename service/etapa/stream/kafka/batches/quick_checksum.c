/* The checksum of record batches (CRC-32C, RFC 3720) by the instruction that x86-64 processors have for it.

   aiokafka works it out from tables, at about a quarter of the speed. Where the processor has no such instruction, importing this module
   fails. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if (defined(__x86_64__) && defined(__GNUC__)) || defined(_M_X64)
#include <nmmintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#define WITH_THE_INSTRUCTION
#else
#define WITH_THE_INSTRUCTION __attribute__((target("sse4.2")))
#endif

static int has_the_instruction(void)
{
#ifdef _MSC_VER
    int told[4];
    __cpuid(told, 1);
    return told[2] >> 20 & 1;
#else
    return __builtin_cpu_supports("sse4.2");
#endif
}

WITH_THE_INSTRUCTION static uint32_t sum_of(const unsigned char *at, Py_ssize_t left)
{
    uint64_t sum = 0xffffffff;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        sum = _mm_crc32_u64(sum, eight);
    }
    uint32_t rest = (uint32_t)sum;
    for (; left > 0; at++, left--)
        rest = _mm_crc32_u8(rest, *at);
    return ~rest;
}
#else
static int has_the_instruction(void)
{
    return 0;
}

static uint32_t sum_of(const unsigned char *at, Py_ssize_t left)
{
    return 0;
}
#endif

static PyObject *crc32c(PyObject *module, PyObject *data)
{
    Py_buffer held;
    if (PyObject_GetBuffer(data, &held, PyBUF_SIMPLE) < 0)
        return NULL;
    uint32_t sum = sum_of(held.buf, held.len);
    PyBuffer_Release(&held);
    return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef methods[] = {
    {"crc32c", crc32c, METH_O, PyDoc_STR("The CRC-32C of contiguous bytes.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_checksum", "See quick_checksum.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_checksum(void)
{
    if (!has_the_instruction()) {
        PyErr_SetString(PyExc_ImportError, "this processor has no instruction for CRC-32C");
        return NULL;
    }
    return PyModule_Create(&module);
}
