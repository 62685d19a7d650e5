/* Makes records of a Kafka batch (message format 2) from customers' states, as `RecordBuffer.fill` does for any records. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Before each text: a byte that says so, and its length in four. */
#define TEXT_HEAD 5

typedef const unsigned char *place;

struct pair {
    place key, value;
    uint32_t key_length, value_length;
};

static inline place after(const struct pair *pair)
{
    return pair->value + pair->value_length;
}

static inline uint32_t length_before(place text)
{
    return (uint32_t)text[-4] << 24 | (uint32_t)text[-3] << 16 | (uint32_t)text[-2] << 8 | text[-1];
}

/* The text that begins after `at`; NULL if it does not end before `end`. */
static inline place next_text(place at, place end, uint32_t *length)
{
    if (end - at < TEXT_HEAD)
        return NULL;
    at += TEXT_HEAD;
    *length = length_before(at);
    return (size_t)(end - at) < (size_t)*length ? NULL : at;
}

/* A number from 0 on as Kafka writes it: zigzag, seven bits to a byte, the lowest first. */
static inline unsigned char *put_number(unsigned char *at, uint64_t number)
{
    for (number <<= 1; number > 127; number >>= 7)
        *at++ = (unsigned char)(number | 128);
    *at++ = (unsigned char)number;
    return at;
}

static inline Py_ssize_t size_of_number(uint64_t number)
{
    Py_ssize_t size = 1;
    for (number <<= 1; number > 127; number >>= 7)
        size++;
    return size;
}

/* The bytes that a record has after its length. */
static inline Py_ssize_t record_size(const struct pair *of, uint64_t position)
{
    return 3 + size_of_number(position) + size_of_number(of->key_length) + of->key_length + size_of_number(of->value_length) + of->value_length;
}

static unsigned char *put_record(unsigned char *at, const struct pair *of, uint64_t position)
{
    at = put_number(at, (uint64_t)record_size(of, position));
    /* No attributes, and no time after the batch's. */
    *at++ = 0;
    *at++ = 0;
    at = put_number(put_number(at, position), of->key_length);
    memcpy(at, of->key, of->key_length);
    at = put_number(at + of->key_length, of->value_length);
    memcpy(at, of->value, of->value_length);
    at += of->value_length;
    /* No headers. */
    *at++ = 0;
    return at;
}

/* The id that begins at `at`, and the state after it. 0: there are no two texts. */
static inline int next_pair(place at, place end, struct pair *pair)
{
    pair->key = next_text(at, end, &pair->key_length);
    pair->value = pair->key == NULL ? NULL : next_text(pair->key + pair->key_length, end, &pair->value_length);
    return pair->value != NULL;
}

static PyObject *state_records(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *texts;
    Py_ssize_t start, position, room, size = 0, count = 0;
    int is_empty;
    if (!PyArg_ParseTuple(arguments, "Snnnp", &texts, &start, &position, &room, &is_empty))
        return NULL;
    place at = (place)PyBytes_AS_STRING(texts), end = at + PyBytes_GET_SIZE(texts), first;
    struct pair pair;
    for (; start > 0; start--, at = after(&pair))
        if (!next_pair(at, end, &pair))
            return PyErr_Format(PyExc_ValueError, "not as many ids and states in turn");
    for (first = at; at < end; at = after(&pair), count++) {
        if (!next_pair(at, end, &pair))
            return PyErr_Format(PyExc_ValueError, "not ids and states in turn");
        Py_ssize_t length = record_size(&pair, (uint64_t)(position + count));
        length += size_of_number((uint64_t)length);
        if (size + length > room && (count > 0 || !is_empty))
            break;
        size += length;
    }
    PyObject *records = PyBytes_FromStringAndSize(NULL, size);
    if (records == NULL)
        return NULL;
    unsigned char *to = (unsigned char *)PyBytes_AS_STRING(records);
    at = first;
    for (Py_ssize_t number = 0; number < count; number++, at = after(&pair)) {
        next_pair(at, end, &pair);
        to = put_record(to, &pair, (uint64_t)(position + number));
    }
    return Py_BuildValue("Nn", records, count);
}

PyDoc_STRVAR(state_records_doc,
             "Records of states as bytes, and how many: of ids and states in turn as `PackedTexts` has them, from the `start`th customer on.\n\n"
             "`position`: of the first record in its batch. They take up to `room` bytes; the first of an empty batch may take more.");

static PyMethodDef methods[] = {
    {"state_records", state_records, METH_VARARGS, state_records_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "state_records", "See state_records.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_state_records(void)
{
    return PyModule_Create(&module);
}
