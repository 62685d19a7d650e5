/* Parts of JSON in one pass over its bytes: texts, numbers, times and objects without nested values, written as nearly all are.

   Whatever needs a second look is declined: text beyond ASCII or with escapes, nested values, and numbers that are not exact in a double
   at once. Each module that includes this has its own usual texts. */

#ifndef FLAT_JSON_H
#define FLAT_JSON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__)
#define __builtin_prefetch(address) ((void)(address))
#endif

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

/* The place after an object without nested values, or NULL. `made` receives a dict, or stays NULL if it would be empty; with none, nothing
   is made of it. */
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
        PyObject *name = made == NULL ? NULL : name_object((text){start, closing - start}, wanted), *object = NULL;
        if (name == NULL) {
            if (made != NULL && PyErr_Occurred())
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

#endif
