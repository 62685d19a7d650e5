/* Writes JSON into one buffer, which grows as needed: numbers, times and texts as msgspec writes them. What returns 0 either declines
   its value, because msgspec writes it in another way, or has set an error. Nothing in here calls Python code. */

#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char byte;

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

/* A scalar of JSON. */
static int put_scalar(PyObject *scalar)
{
    if (scalar == Py_None)
        return PUT("null");
    if (PyBool_Check(scalar))
        return scalar == Py_True ? PUT("true") : PUT("false");
    if (PyUnicode_CheckExact(scalar))
        return put_text(scalar);
    if (PyLong_CheckExact(scalar)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(scalar, &overflow);
        return !overflow && put_number(number);
    }
    if (!PyFloat_CheckExact(scalar))
        return 0;
    double number = PyFloat_AS_DOUBLE(scalar);
    /* Not NaN, either, and no minus zero. */
    if (!(number > 0 && number < EXACT / SECOND))
        return 0;
    int64_t micros = (int64_t)(number * SECOND + 0.5);
    return (double)micros / SECOND == number && put_seconds(micros);
}

#endif
