/* Finds the records of a decompressed batch (message format 2) at once, and declines a batch of which any record is odd.

   aiokafka reads whatever is declined, and says what is wrong with it: for what is read here it gives the same. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

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

/* The place after bytes and their length before them, or NULL. `told` receives where they begin, and how many they are. */
static inline place after_span(place start, place at, place end, int64_t told[2])
{
    at = after_number(at, end, &told[1]);
    if (at == NULL || told[1] < -1 || told[1] > end - at)
        return NULL;
    told[0] = at - start;
    return at + (told[1] < 0 ? 0 : told[1]);
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

/* Where a record lies in its batch: offset, microseconds, and beginnings and lengths of key and value; a length of -1: there is none. */
enum { OFFSET, MICROSECONDS, KEY, KEY_LENGTH, VALUE, VALUE_LENGTH, NUMBERS };

/* The place after a record, or NULL. `base`: its batch's first offset and time; `last`: how far after the first the record before it was;
   `headers`: NULL, or those that it has. */
static place after_record(place start, place at, place end, const int64_t base[2], int64_t *last, int has_one_time, int64_t *told,
                          PyObject **headers)
{
    int64_t length, offset, time;
    at = after_number(at, end, &length);
    /* The first byte holds attributes, of which there are none yet. */
    if (at == NULL || length < 1 || length > end - at || *at & 0x80)
        return NULL;
    end = at + length;
    at = after_number(at + 1, end, &time);
    if (at != NULL)
        at = after_number(at, end, &offset);
    /* aiokafka leaves out records that go back, so they are left to it. */
    if (at == NULL || offset <= *last)
        return NULL;
    *last = offset;
    told[OFFSET] = base[0] + offset;
    told[MICROSECONDS] = (base[1] + (has_one_time ? 0 : time)) * 1000;
    at = after_span(start, at, end, &told[KEY]);
    if (at != NULL)
        at = after_span(start, at, end, &told[VALUE]);
    if (at != NULL && end - at == 1 && *at == 0)
        return end;
    if (at != NULL)
        at = after_headers(at, end, headers);
    return at == end ? at : NULL;
}

static int append_time(PyObject *times, int position, int64_t time)
{
    PyObject *both = Py_BuildValue("iL", position, (long long)time);
    int is_done = both != NULL && PyList_Append(times, both) == 0;
    Py_XDECREF(both);
    return is_done;
}

static PyObject *read_places(PyObject *module, PyObject *arguments)
{
    PyObject *batch;
    int count, has_one_time;
    long long offset, time;
    Py_ssize_t first, stop;
    if (!PyArg_ParseTuple(arguments, "SnniLLp", &batch, &first, &stop, &count, &offset, &time, &has_one_time))
        return NULL;
    if (first < 0 || first > stop || stop > PyBytes_GET_SIZE(batch))
        return PyErr_Format(PyExc_ValueError, "no records lie from %zd to %zd in %zd bytes", first, stop, PyBytes_GET_SIZE(batch));
    place start = (place)PyBytes_AS_STRING(batch), at = start + first, end = start + stop;
    /* Each takes seven bytes at least. */
    if (count < 0 || count > (end - at) / 7)
        Py_RETURN_NONE;
    const int64_t base[2] = {offset, time};
    int64_t last = -1;
    int64_t time_before = 0;
    PyObject *times = PyList_New(0);
    PyObject *places = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count * NUMBERS * (Py_ssize_t)sizeof(int64_t)), *with_headers = PyDict_New();
    int is_read = times != NULL && places != NULL && with_headers != NULL;
    for (int position = 0; is_read && position < count; position++) {
        PyObject *headers = NULL, *number = NULL;
        int64_t told[NUMBERS];
        at = after_record(start, at, end, base, &last, has_one_time, told, &headers);
        is_read = at != NULL;
        if (is_read)
            memcpy(PyBytes_AS_STRING(places) + (size_t)position * sizeof told, told, sizeof told);
        if (is_read && (position == 0 || told[MICROSECONDS] != time_before))
            is_read = append_time(times, position, time_before = told[MICROSECONDS]);
        if (is_read && headers != NULL)
            is_read = (number = PyLong_FromLong(position)) != NULL && PyDict_SetItem(with_headers, number, headers) == 0;
        Py_XDECREF(headers);
        Py_XDECREF(number);
    }
    PyObject *all = is_read && at == end ? PyTuple_Pack(3, places, times, with_headers) : NULL;
    Py_XDECREF(times);
    Py_XDECREF(places);
    Py_XDECREF(with_headers);
    if (all == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return all;
}

PyDoc_STRVAR(read_places_doc,
             "Where each record of a batch lies, from which on another timestamp holds, and the headers of those that have some, by number.\n\n"
             "The records lie in these bytes from `first` to before `stop`. "
             "A place is six numbers of 64 bits: offset, microseconds, and beginnings and lengths of key and value; -1: there is none.\n"
             "None: the batch is to be read another way. `has_one_time`: `time` is that of all records; otherwise the first one's.");

static PyMethodDef methods[] = {
    {"read_places", read_places, METH_VARARGS, read_places_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_records", "See quick_records.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_records(void)
{
    return PyModule_Create(&module);
}
