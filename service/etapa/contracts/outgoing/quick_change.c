/* Writes a stage change as JSON, with what its headers say, into one buffer, and declines unusual ones.

   `_write_slowly` in `stage_change.py` writes whatever is declined; for what is written here it gives the same bytes. Where this module is
   not compiled, it writes everything. Declined are ids beyond ASCII, ids and control characters that need escapes, and numbers that JSON writes in more than one way. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char byte;

/* One buffer for all changes, which grows as needed. Nothing in here calls Python code before it is read. */
static byte *written;
static size_t room, length;

static int has_room(size_t more)
{
    if (room - length >= more)
        return 1;
    size_t wanted = 2 * (length + more) + 4096;
    byte *larger = PyMem_Realloc(written, wanted);
    if (larger == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    written = larger;
    room = wanted;
    return 1;
}

static int put(const void *bytes, size_t size)
{
    if (!has_room(size))
        return 0;
    memcpy(written + length, bytes, size);
    length += size;
    return 1;
}

#define PUT(text) put(text, sizeof(text) - 1)

static int put_bytes(PyObject *told)
{
    return PyBytes_CheckExact(told) && put(PyBytes_AS_STRING(told), (size_t)PyBytes_GET_SIZE(told));
}

/* --- numbers and times --- */

/* The first of the digits that end before `end`. */
static byte *digits_before(byte *end, uint64_t number)
{
    do
        *--end = (byte)('0' + number % 10);
    while (number /= 10);
    return end;
}

static int put_number(int64_t number)
{
    byte room_for_digits[24], *end = room_for_digits + sizeof room_for_digits;
    byte *first = digits_before(end, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
    if (number < 0)
        *--first = '-';
    return put(first, (size_t)(end - first));
}

static int64_t integer_or(PyObject *told, int64_t otherwise)
{
    int overflow;
    if (!PyLong_CheckExact(told))
        return otherwise;
    int64_t number = PyLong_AsLongLongAndOverflow(told, &overflow);
    return overflow ? otherwise : number;
}

#define EXACT 1000000000000000 /* So many units, and every number below it, have at most 15 digits, which a double keeps apart. */
#define SECOND 1000000

/* Microseconds as seconds. Below a millisecond, Python writes the shortest digits with an exponent. */
static int put_seconds(int64_t micros)
{
    if (micros < 0 || micros >= EXACT || (micros > 0 && micros < 1000))
        return 0;
    byte fraction[7] = {'.'};
    int64_t rest = micros % SECOND;
    for (int place = 6; place > 0; place--, rest /= 10)
        fraction[place] = (byte)('0' + rest % 10);
    size_t size = 7;
    while (size > 2 && fraction[size - 1] == '0')
        size--;
    return put_number(micros / SECOND) && put(fraction, size);
}

static void two_digits(byte *at, int number)
{
    at[0] = (byte)('0' + number / 10);
    at[1] = (byte)('0' + number % 10);
}

/* A time in the years 1 to 9999, as `instant_text` writes it. Returns its length, or 0.
   The date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), with years that begin in March. */
static size_t time_text(int64_t at, byte *text)
{
    if (at < -62135596800000000 || at > 253402300799999999)
        return 0;
    int64_t since = at + 719468 * (int64_t)86400 * SECOND, micros = since % SECOND, seconds = since / SECOND;
    int day = (int)(seconds / 86400), second = (int)(seconds % 86400);
    int era = day / 146097, of_era = day % 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100), part = (5 * of_year + 2) / 153;
    int month = part < 10 ? part + 3 : part - 9;
    year += era * 400 + (month <= 2);
    two_digits(text, year / 100);
    two_digits(text + 2, year % 100);
    two_digits(text + 5, month);
    two_digits(text + 8, of_year - (153 * part + 2) / 5 + 1);
    two_digits(text + 11, second / 3600);
    two_digits(text + 14, second / 60 % 60);
    two_digits(text + 17, second % 60);
    text[4] = text[7] = '-';
    text[10] = 'T';
    text[13] = text[16] = ':';
    size_t size = 19;
    if (micros) {
        text[size] = '.';
        for (int place = 6; place > 0; place--, micros /= 10)
            text[size + (size_t)place] = (byte)('0' + micros % 10);
        size += 7;
    }
    text[size++] = 'Z';
    return size;
}

/* --- text --- */

/* Whether text stands in JSON as it is. */
static int is_plain(const char *text, Py_ssize_t size)
{
    int odd = 0;
    for (Py_ssize_t place = 0; place < size; place++) {
        byte one = (byte)text[place];
        odd |= one < 0x20 || one == '"' || one == '\\';
    }
    return !odd;
}

/* An id is kept for long, and text beyond ASCII would keep its UTF-8 as long. */
static int is_plain_id(PyObject *told)
{
    return PyUnicode_CheckExact(told) && PyUnicode_IS_ASCII(told)
        && is_plain((const char *)PyUnicode_1BYTE_DATA(told), PyUnicode_GET_LENGTH(told));
}

static int put_id(PyObject *told)
{
    return put(PyUnicode_1BYTE_DATA(told), (size_t)PyUnicode_GET_LENGTH(told));
}

static int put_text(PyObject *told)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(told, &size);
    if (text == NULL || !PUT("\""))
        return 0;
    if (is_plain(text, size))
        return put(text, (size_t)size) && PUT("\"");
    for (Py_ssize_t place = 0; place < size; place++) {
        if ((byte)text[place] < 0x20 || ((text[place] == '"' || text[place] == '\\') && !PUT("\\")) || !put(text + place, 1))
            return 0;
    }
    return PUT("\"");
}

/* --- reasons --- */

static PyObject *names[4];
static const char *const NAMES[4] = {"condition", "observed", "exact", "off_by_at_most"};

static int put_observed(PyObject *observed)
{
    if (observed == Py_None)
        return PUT("null");
    if (PyBool_Check(observed))
        return observed == Py_True ? PUT("true") : PUT("false");
    if (PyUnicode_CheckExact(observed))
        return put_text(observed);
    if (PyLong_CheckExact(observed)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(observed, &overflow);
        return !overflow && put_number(number);
    }
    if (!PyFloat_CheckExact(observed))
        return 0;
    double number = PyFloat_AS_DOUBLE(observed);
    /* Not NaN, either, and no minus zero. */
    if (!(number > 0 && number < EXACT / SECOND))
        return 0;
    int64_t micros = (int64_t)(number * SECOND + 0.5);
    return (double)micros / SECOND == number && put_seconds(micros);
}

static int put_clause(PyObject *clause)
{
    PyObject *of[4] = {NULL};
    int is_done = 1;
    for (int place = 0; is_done && place < 4; place++)
        is_done = (of[place] = PyObject_GetAttr(clause, names[place])) != NULL;
    is_done = is_done && of[2] == Py_True && of[3] == Py_None && PyUnicode_CheckExact(of[0]) && PUT("{\"condition\":") && put_text(of[0])
        && PUT(",\"observed\":") && put_observed(of[1]) && PUT("}");
    for (int place = 0; place < 4; place++)
        Py_XDECREF(of[place]);
    return is_done;
}

static int put_reasons(PyObject *because)
{
    if (!PyList_CheckExact(because) && !PyTuple_CheckExact(because))
        return 0;
    int is_done = PUT("[");
    for (Py_ssize_t place = 0; is_done && place < PySequence_Fast_GET_SIZE(because); place++)
        is_done = (place == 0 || PUT(",")) && put_clause(PySequence_Fast_GET_ITEM(because, place));
    return is_done && PUT("]");
}

/* --- changes --- */

enum value { CUSTOMER_ID, SEQUENCE, AT, TOUCHPOINT_ID, DWELL, BECAUSE, CHANNEL, END, PIECES, SOURCE, TO, PHASE, CAUSE, RULE, VALUES };

#define PARTS (VALUES - SOURCE)
#define KEPT 256

/* What stands before and after the time, for moves that came lately. Those who keep them name stages and rules with the same objects each time. */
typedef struct {
    PyObject *parts[PARTS], *pieces;
} move;

static move moves[KEPT];

/* A pair of bytes, which the move keeps, or NULL. */
static PyObject *pieces_of(PyObject *const *of)
{
    uintptr_t hash = 0;
    for (int part = 0; part < PARTS; part++)
        hash = hash * 31 + ((uintptr_t)of[SOURCE + part] >> 4);
    move *kept = &moves[(hash ^ hash >> 8) % KEPT];
    if (kept->pieces != NULL && memcmp(kept->parts, of + SOURCE, sizeof kept->parts) == 0)
        return kept->pieces;
    PyObject *pieces = PyObject_Vectorcall(of[PIECES], of + SOURCE, PARTS, NULL);
    if (pieces == NULL)
        return NULL;
    if (!PyTuple_CheckExact(pieces) || PyTuple_GET_SIZE(pieces) != 2) {
        Py_DECREF(pieces);
        return PyErr_Format(PyExc_TypeError, "the pieces of a move are a pair of bytes");
    }
    for (int part = 0; part < PARTS; part++)
        Py_XSETREF(kept->parts[part], Py_NewRef(of[SOURCE + part]));
    Py_XSETREF(kept->pieces, pieces);
    return pieces;
}

/* Writes the value; `identity` is then where the change's id is in it, and `time` where its time is. */
static int write_all(PyObject *const *of, PyObject *pieces, size_t identity[2], size_t time[2])
{
    int64_t sequence = integer_or(of[SEQUENCE], -1), at = integer_or(of[AT], INT64_MAX), dwell = integer_or(of[DWELL], -1);
    byte text[32];
    size_t size = time_text(at, text);
    if (size == 0 || sequence < 0 || !is_plain_id(of[CUSTOMER_ID]) || !(of[TOUCHPOINT_ID] == Py_None || is_plain_id(of[TOUCHPOINT_ID])))
        return 0;
    if (!PUT("{\"id\":\""))
        return 0;
    identity[0] = length;
    if (!put_id(of[CUSTOMER_ID]) || !PUT("/") || !put_number(sequence))
        return 0;
    identity[1] = length;
    if (!PUT("\",\"customer_id\":\"") || !put_id(of[CUSTOMER_ID]) || !PUT("\",\"sequence\":") || !put_number(sequence) || !put_bytes(PyTuple_GET_ITEM(pieces, 0)))
        return 0;
    time[0] = length;
    time[1] = length + size;
    return put(text, size) && put_bytes(PyTuple_GET_ITEM(pieces, 1)) && put_reasons(of[BECAUSE])
        && (of[TOUCHPOINT_ID] == Py_None ? PUT(",\"touchpoint_id\":null")
                                         : PUT(",\"touchpoint_id\":\"") && put_id(of[TOUCHPOINT_ID]) && PUT("\""))
        && PUT(",\"channel\":") && put_bytes(of[CHANNEL]) && PUT(",\"dwell_seconds\":")
        && (of[DWELL] == Py_None ? PUT("null") : put_seconds(dwell)) && put_bytes(of[END]);
}

static PyObject *part(const size_t bounds[2])
{
    return PyBytes_FromStringAndSize((const char *)written + bounds[0], (Py_ssize_t)(bounds[1] - bounds[0]));
}

static PyObject *write_change(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != VALUES)
        return PyErr_Format(PyExc_TypeError, "write_change takes %d arguments, not %zd", VALUES, count);
    PyObject *pieces = pieces_of(arguments);
    if (pieces == NULL)
        return NULL;
    size_t identity[2], time[2];
    length = 0;
    if (!write_all(arguments, pieces, identity, time) || PyErr_Occurred()) {
        /* Whatever cannot be encoded fails again where it is written slowly, which says why. */
        if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError))
            return NULL;
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    const size_t all[2] = {0, length}, key[2] = {identity[0], identity[0] + (size_t)PyUnicode_GET_LENGTH(arguments[CUSTOMER_ID])};
    PyObject *made = PyTuple_New(4);
    if (made == NULL)
        return NULL;
    PyTuple_SET_ITEM(made, 0, part(key));
    PyTuple_SET_ITEM(made, 1, part(all));
    PyTuple_SET_ITEM(made, 2, part(identity));
    PyTuple_SET_ITEM(made, 3, part(time));
    if (PyErr_Occurred())
        Py_CLEAR(made);
    return made;
}

PyDoc_STRVAR(write_change_doc,
             "Key and value of a stage change, its id and its time, or None if it must be written another way. Takes what is its own:\n\n"
             "customer_id, sequence, at, touchpoint_id, dwell and because; the channel and the end as they are written; and what gives the\n"
             "pieces before and after the time, with what it takes: source, to, phase, cause and rule.");

static PyMethodDef methods[] = {
    {"write_change", (PyCFunction)(void (*)(void))write_change, METH_FASTCALL, write_change_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_change", "See quick_change.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_change(void)
{
    for (int place = 0; place < 4; place++)
        if (names[place] == NULL && (names[place] = PyUnicode_InternFromString(NAMES[place])) == NULL)
            return NULL;
    return PyModule_Create(&module);
}
