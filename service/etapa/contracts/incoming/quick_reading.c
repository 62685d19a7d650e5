/* Reads a touchpoint that is written as nearly all are, in one pass over its bytes, and declines every other.

   `touchpoint.py` reads whatever is declined, decides what is refused and why, and says what is right: for what is read here it gives
   the same. Where this module is not compiled, it reads everything. Declined is whatever needs a second look: text beyond ASCII or with
   escapes, nested values, numbers that are not exact in a double at once, unknown or repeated fields, times not in UTC, and all errors. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <stdint.h>
#include <string.h>

typedef const unsigned char *place;

typedef struct {
    place start;
    Py_ssize_t length;
} text;

/* --- text --- */

/* The quote that ends a string, whose characters begin at `at`; NULL if it has escapes, or characters that are not printable ASCII. */
static inline place end_of_text(place at, place end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* Eight at a time. The lowest byte that is marked is one that was looked for, whatever the ones above it are. */
    const uint64_t ones = 0x0101010101010101u;
    while (end - at >= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        uint64_t quotes = eight ^ (ones * '"'), escapes = eight ^ (ones * '\\');
        uint64_t marks = (eight | ((quotes - ones) & ~quotes) | ((escapes - ones) & ~escapes) | ((eight - ones * 0x20) & ~eight)) & (ones << 7);
        if (marks) {
            at += __builtin_ctzll(marks) >> 3;
            return *at == '"' ? at : NULL;
        }
        at += 8;
    }
#endif
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '\\') {
        if (*at == '"')
            return at;
        at++;
    }
    return NULL;
}

static PyObject *text_object(text told)
{
    PyObject *made = PyUnicode_New(told.length, 127);
    if (made != NULL && told.length)
        memcpy(PyUnicode_1BYTE_DATA(made), told.start, (size_t)told.length);
    return made;
}

static inline int is_text(PyObject *object, text told)
{
    return PyUnicode_GET_LENGTH(object) == told.length && PyUnicode_IS_ASCII(object)
        && memcmp(PyUnicode_1BYTE_DATA(object), told.start, (size_t)told.length) == 0;
}

#define KEPT 512 /* As many as nine bits tell apart. */
#define LONGEST_KEPT 48

static PyObject *kept[KEPT];

/* Names and types come again and again: the object of the last time is given, which also knows its hash. */
static PyObject *usual_text_object(text told)
{
    if (told.length > LONGEST_KEPT)
        return text_object(told);
    uint64_t first = 0, last = 0;
    if (told.length >= 8) {
        memcpy(&first, told.start, 8);
        memcpy(&last, told.start + told.length - 8, 8);
    }
    else
        for (Py_ssize_t position = 0; position < told.length; position++)
            first = first << 8 | told.start[position];
    uint64_t hash = (first * 31 + last + (uint64_t)told.length) * 0x9e3779b97f4a7c15u;
    PyObject **slot = &kept[hash >> 55];
    if (*slot != NULL && is_text(*slot, told))
        return Py_NewRef(*slot);
    PyObject *made = text_object(told);
    if (made != NULL)
        Py_XSETREF(*slot, Py_NewRef(made));
    return made;
}

/* --- numbers --- */

static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

#define MOST_DIGITS 15 /* An integer of so many digits is exact in a double, and so is its quotient by a power of ten correctly rounded. */

typedef struct {
    int64_t digits;
    int decimals; /* -1: an integer */
} number;

/* The end of a number; NULL if it has an exponent, too many digits or a form that JSON does not have. */
static place end_of_number(place at, place end, number *read)
{
    int is_negative = at < end && *at == '-', count = 0;
    if (is_negative)
        at++;
    if (at >= end || *at < '0' || *at > '9' || (*at == '0' && at + 1 < end && at[1] >= '0' && at[1] <= '9'))
        return NULL;
    int64_t digits = 0;
    int decimals = -1;
    for (; at < end; at++) {
        if (*at >= '0' && *at <= '9') {
            digits = digits * 10 + (*at - '0');
            if (++count > MOST_DIGITS)
                return NULL;
            if (decimals >= 0)
                decimals++;
        }
        else if (*at == '.' && decimals < 0)
            decimals = 0;
        else
            break;
    }
    if (decimals == 0 || (at < end && (*at == 'e' || *at == 'E')) || (is_negative && digits == 0))
        return NULL;
#if FLT_EVAL_METHOD != 0
    if (decimals > 0)
        return NULL;
#endif
    read->digits = is_negative ? -digits : digits;
    read->decimals = decimals;
    return at;
}

/* --- time --- */

static int two_digits(place at)
{
    return at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9' ? -1 : (at[0] - '0') * 10 + (at[1] - '0');
}

/* Whether a text such as 2026-11-21T10:00:00.25Z is a time; `at` is then its microseconds since 1970. */
static int read_time(text told, int64_t *at)
{
    static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    place t = told.start;
    if (told.length < 20 || told.length > 27 || told.length == 21 || t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':'
        || t[told.length - 1] != 'Z')
        return 0;
    int century = two_digits(t), rest = two_digits(t + 2), month = two_digits(t + 5), day = two_digits(t + 8), hour = two_digits(t + 11),
        minute = two_digits(t + 14), second = two_digits(t + 17);
    if (century < 0 || rest < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0
        || second > 59)
        return 0;
    int year = century * 100 + rest;
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || day > days_before[month] - days_before[month - 1] + (is_leap && month == 2))
        return 0;
    int64_t micros = 0;
    if (told.length > 20) {
        if (t[19] != '.')
            return 0;
        int64_t unit = 1000000;
        for (place digit = t + 20; digit < t + told.length - 1; digit++) {
            if (*digit < '0' || *digit > '9')
                return 0;
            unit /= 10;
            micros += unit * (*digit - '0');
        }
    }
    int before = year - 1;
    int64_t days = (int64_t)before * 365 + before / 4 - before / 100 + before / 400 + days_before[month - 1] + (is_leap && month > 2) + day - 1;
    *at = (((days - 719162) * 24 + hour) * 60 + minute) * 60 * 1000000 + (int64_t)second * 1000000 + micros;
    return 1;
}

/* --- values --- */

static inline place after_blanks(place at, place end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

static place after_word(place at, place end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

/* The place after a value that is not nested, or NULL. `made` receives its object; NULL: nobody asks for it. */
static place after_value(place at, place end, PyObject **made)
{
    PyObject *object = NULL;
    if (at >= end)
        return NULL;
    switch (*at) {
    case '"': {
        place closing = end_of_text(++at, end);
        if (closing == NULL)
            return NULL;
        if (made != NULL)
            object = text_object((text){at, closing - at});
        at = closing + 1;
        break;
    }
    case 't':
        at = after_word(at, end, "true");
        object = Py_NewRef(Py_True);
        break;
    case 'f':
        at = after_word(at, end, "false");
        object = Py_NewRef(Py_False);
        break;
    case 'n':
        at = after_word(at, end, "null");
        object = Py_NewRef(Py_None);
        break;
    default: {
        number read;
        at = end_of_number(at, end, &read);
        if (at != NULL && made != NULL)
            object = read.decimals < 0 ? PyLong_FromLongLong(read.digits) : PyFloat_FromDouble((double)read.digits / POWERS[read.decimals]);
    }
    }
    if (made == NULL || at == NULL) {
        Py_XDECREF(object);
        return at;
    }
    *made = object;
    return object == NULL ? NULL : at;
}

/* The object for a name in an object; a new reference. NULL without an error: it is not among those that are read. */
static PyObject *name_object(text name, PyObject *wanted)
{
    if (wanted == Py_None)
        return usual_text_object(name);
    for (Py_ssize_t position = 0; position < PyTuple_GET_SIZE(wanted); position++) {
        PyObject *one = PyTuple_GET_ITEM(wanted, position);
        if (is_text(one, name))
            return Py_NewRef(one);
    }
    return NULL;
}

/* The place after an object without nested values, or NULL. `made` receives a dict, or stays NULL if it would be empty. */
static place after_object(place at, place end, PyObject *wanted, PyObject **made)
{
    if (at >= end || *at != '{')
        return NULL;
    at = after_blanks(at + 1, end);
    if (at < end && *at == '}')
        return at + 1;
    while (at < end && *at == '"') {
        place start = at + 1, closing = end_of_text(start, end);
        if (closing == NULL)
            return NULL;
        at = after_blanks(closing + 1, end);
        if (at >= end || *at != ':')
            return NULL;
        at = after_blanks(at + 1, end);
        PyObject *name = name_object((text){start, closing - start}, wanted), *object = NULL;
        if (name == NULL) {
            if (PyErr_Occurred())
                return NULL;
            at = after_value(at, end, NULL);
        }
        else {
            at = after_value(at, end, &object);
            if (at != NULL && ((*made == NULL && (*made = PyDict_New()) == NULL) || PyDict_SetItem(*made, name, object) < 0))
                at = NULL;
            Py_DECREF(name);
            Py_XDECREF(object);
        }
        if (at == NULL)
            return NULL;
        at = after_blanks(at, end);
        if (at < end && *at == '}')
            return at + 1;
        if (at >= end || *at != ',')
            return NULL;
        at = after_blanks(at + 1, end);
    }
    return NULL;
}

/* --- touchpoints --- */

enum field { ID, CUSTOMER_ID, TYPE, OCCURRED_AT, CHANNEL, PROPERTIES, TRAITS, UNKNOWN };

typedef struct {
    text texts[CHANNEL + 1];
    PyObject *properties, *traits;
} touchpoint;

static inline int is_called(text name, const char *field)
{
    return memcmp(name.start, field, strlen(field)) == 0;
}

static inline enum field field_of(text name)
{
    switch (name.length) {
    case 2:
        return is_called(name, "id") ? ID : UNKNOWN;
    case 4:
        return is_called(name, "type") ? TYPE : UNKNOWN;
    case 6:
        return is_called(name, "traits") ? TRAITS : UNKNOWN;
    case 7:
        return is_called(name, "channel") ? CHANNEL : UNKNOWN;
    case 10:
        return is_called(name, "properties") ? PROPERTIES : UNKNOWN;
    case 11:
        return is_called(name, "customer_id") ? CUSTOMER_ID : is_called(name, "occurred_at") ? OCCURRED_AT : UNKNOWN;
    default:
        return UNKNOWN;
    }
}

/* Whether the bytes are one object with the usual fields, and nothing but blanks after it. */
static int read_fields(place at, place end, PyObject *wanted, touchpoint *read)
{
    unsigned seen = 0;
    at = after_blanks(at, end);
    if (at >= end || *at != '{')
        return 0;
    do {
        at = after_blanks(at + 1, end);
        if (at >= end || *at != '"')
            return 0;
        place start = at + 1, closing = end_of_text(start, end);
        if (closing == NULL)
            return 0;
        enum field field = field_of((text){start, closing - start});
        if (field == UNKNOWN || seen & 1u << field)
            return 0;
        seen |= 1u << field;
        at = after_blanks(closing + 1, end);
        if (at >= end || *at != ':')
            return 0;
        at = after_blanks(at + 1, end);
        if (at < end && *at == 'n' && field >= CHANNEL)
            at = after_word(at, end, "null");
        else if (field == PROPERTIES)
            at = after_object(at, end, wanted, &read->properties);
        else if (field == TRAITS)
            at = after_object(at, end, Py_None, &read->traits);
        else if (at < end && *at == '"') {
            start = at + 1;
            at = end_of_text(start, end);
            if (at == NULL)
                return 0;
            read->texts[field] = (text){start, at - start};
            at++;
        }
        else
            return 0;
        if (at == NULL)
            return 0;
        at = after_blanks(at, end);
    } while (at < end && *at == ',');
    if (at >= end || *at != '}' || after_blanks(at + 1, end) != end)
        return 0;
    const unsigned needed = 1u << ID | 1u << CUSTOMER_ID | 1u << TYPE | 1u << OCCURRED_AT;
    return (seen & needed) == needed;
}

static PyObject *touchpoint_object(touchpoint *read, int64_t at)
{
    const text *texts = read->texts;
    PyObject *made = PyTuple_New(7);
    if (made == NULL)
        return NULL;
    PyTuple_SET_ITEM(made, 0, text_object(texts[ID]));
    PyTuple_SET_ITEM(made, 1, text_object(texts[CUSTOMER_ID]));
    PyTuple_SET_ITEM(made, 2, usual_text_object(texts[TYPE]));
    PyTuple_SET_ITEM(made, 3, PyLong_FromLongLong(at));
    PyTuple_SET_ITEM(made, 4, texts[CHANNEL].start == NULL ? Py_NewRef(Py_None) : usual_text_object(texts[CHANNEL]));
    PyTuple_SET_ITEM(made, 5, Py_NewRef(read->properties == NULL ? Py_None : read->properties));
    PyTuple_SET_ITEM(made, 6, Py_NewRef(read->traits == NULL ? Py_None : read->traits));
    for (int position = 0; position < 5; position++)
        if (PyTuple_GET_ITEM(made, position) == NULL) {
            Py_DECREF(made);
            return NULL;
        }
    return made;
}

static int is_within(text told, Py_ssize_t shortest, Py_ssize_t longest)
{
    return told.length >= shortest && told.length <= longest;
}

static PyObject *read_quickly(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(arguments[0]) || !(arguments[1] == Py_None || PyBytes_Check(arguments[1]))
        || !PyBytes_CheckExact(arguments[2]) || PyBytes_GET_SIZE(arguments[2]) != 128
        || !(arguments[3] == Py_None || PyTuple_CheckExact(arguments[3]))) {
        PyErr_SetString(PyExc_TypeError, "read_quickly takes a value, a key or none, 128 bytes, and a tuple of names or none");
        return NULL;
    }
    PyObject *key = arguments[1];
    place start = (place)PyBytes_AS_STRING(arguments[0]);
    touchpoint read = {0};
    PyObject *made = NULL;
    int64_t at;
    if (read_fields(start, start + PyBytes_GET_SIZE(arguments[0]), arguments[3], &read)) {
        text customer_id = read.texts[CUSTOMER_ID], type = read.texts[TYPE];
        if (is_within(read.texts[ID], 1, 256) && is_within(customer_id, 1, 256) && is_within(type, 1, 128) && *type.start != '$'
            && is_within(read.texts[CHANNEL], 0, 128) && PyBytes_AS_STRING(arguments[2])[*customer_id.start]
            && (key == Py_None
                || (PyBytes_GET_SIZE(key) == customer_id.length
                    && memcmp(PyBytes_AS_STRING(key), customer_id.start, (size_t)customer_id.length) == 0))
            && read_time(read.texts[OCCURRED_AT], &at))
            made = touchpoint_object(&read, at);
    }
    Py_XDECREF(read.properties);
    Py_XDECREF(read.traits);
    if (made == NULL && !PyErr_Occurred())
        Py_RETURN_NONE;
    return made;
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
