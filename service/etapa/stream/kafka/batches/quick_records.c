/* Reads the records of a decompressed batch (message format 2) at once, and declines a batch of which any record is odd.

   aiokafka reads whatever is declined, and says what is wrong with it: for what is read here it gives the same. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

typedef const unsigned char *place;

/* The place after a zigzag number of at most 64 bits; NULL if it does not end there. */
static inline place after_number(place at, place end, int64_t *number)
{
    uint64_t read = 0;
    for (int shift = 0; at < end && shift < 63; shift += 7) {
        read |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80)) {
            *number = (int64_t)(read >> 1) ^ -(int64_t)(read & 1);
            return at;
        }
    }
    return NULL;
}

/* The place after bytes and their length before them, or NULL. `made` receives an object: none for bytes that are not there. */
static place after_bytes(place at, place end, PyObject **made)
{
    int64_t length;
    at = after_number(at, end, &length);
    if (at == NULL || length < -1 || length > end - at)
        return NULL;
    *made = length < 0 ? Py_NewRef(Py_None) : PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)length);
    return *made == NULL ? NULL : at + (length < 0 ? 0 : length);
}

/* The place after a name and its value, or NULL. */
static place after_header(place at, place end, PyObject **made)
{
    int64_t length;
    at = after_number(at, end, &length);
    if (at == NULL || length < 0 || length > end - at)
        return NULL;
    PyObject *name = PyUnicode_DecodeUTF8((const char *)at, (Py_ssize_t)length, NULL), *value = NULL;
    if (name == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
            PyErr_Clear();
        return NULL;
    }
    at = after_bytes(at + length, end, &value);
    if (at != NULL)
        *made = PyTuple_Pack(2, name, value);
    Py_DECREF(name);
    Py_XDECREF(value);
    return *made == NULL ? NULL : at;
}

/* The place after the headers of a record, or NULL. */
static place after_headers(place at, place end, PyObject **made)
{
    int64_t count;
    at = after_number(at, end, &count);
    /* Each takes two bytes at least. */
    if (at == NULL || count < 0 || count > (end - at) / 2)
        return NULL;
    *made = PyTuple_New((Py_ssize_t)count);
    for (Py_ssize_t position = 0; *made != NULL && at != NULL && position < count; position++) {
        PyObject *header = NULL;
        at = after_header(at, end, &header);
        PyTuple_SET_ITEM(*made, position, header);
    }
    return *made == NULL ? NULL : at;
}

/* The place after a record, or NULL. `made` receives what `make` makes of it. `base`: its batch's first offset and time; `last`: how far
   after the first the record before it was. */
static place after_record(place at, place end, const int64_t base[2], int64_t *last, int has_one_time, PyObject *make, PyObject **made)
{
    int64_t length, offset, time;
    PyObject *fields[5] = {NULL};
    at = after_number(at, end, &length);
    /* The first byte holds attributes, of which there are none yet. */
    if (at == NULL || length < 1 || length > end - at || *at & 0x80)
        return NULL;
    end = at + length;
    at = after_number(at + 1, end, &time);
    if (at != NULL)
        at = after_number(at, end, &offset);
    if (at != NULL)
        at = after_bytes(at, end, &fields[2]);
    if (at != NULL)
        at = after_bytes(at, end, &fields[3]);
    if (at != NULL)
        at = after_headers(at, end, &fields[4]);
    /* aiokafka leaves out records that go back, so they are left to it. */
    if (at == end && offset > *last) {
        *last = offset;
        fields[0] = PyLong_FromLongLong(base[0] + offset);
        fields[1] = PyLong_FromLongLong((base[1] + (has_one_time ? 0 : time)) * 1000);
        if (fields[0] != NULL && fields[1] != NULL)
            *made = PyObject_Vectorcall(make, fields, 5, NULL);
    }
    for (int position = 0; position < 5; position++)
        Py_XDECREF(fields[position]);
    return *made == NULL ? NULL : at;
}

static PyObject *read_records(PyObject *module, PyObject *arguments)
{
    Py_buffer batch;
    int count, has_one_time;
    long long offset, time;
    PyObject *make;
    if (!PyArg_ParseTuple(arguments, "y*iLLpO", &batch, &count, &offset, &time, &has_one_time, &make))
        return NULL;
    place at = (place)batch.buf, end = (place)batch.buf + batch.len;
    const int64_t base[2] = {offset, time};
    int64_t last = -1;
    PyObject *records = PyList_New(0);
    for (int position = 0; records != NULL && position < count; position++) {
        PyObject *record = NULL;
        at = after_record(at, end, base, &last, has_one_time, make, &record);
        if (at == NULL || PyList_Append(records, record) < 0)
            Py_CLEAR(records);
        Py_XDECREF(record);
    }
    if (records != NULL && at != end)
        Py_CLEAR(records);
    PyBuffer_Release(&batch);
    if (records == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return records;
}

PyDoc_STRVAR(read_records_doc,
             "What `make` makes of each record of a batch, given without its header: offset, microseconds, key, value, headers.\n\n"
             "None: the batch is to be read another way. `has_one_time`: `time` is that of all records; otherwise the first one's.");

static PyMethodDef methods[] = {
    {"read_records", read_records, METH_VARARGS, read_records_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_records", "See quick_records.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_records(void)
{
    return PyModule_Create(&module);
}
