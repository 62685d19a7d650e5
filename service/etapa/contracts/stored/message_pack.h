/* Writes MessagePack, value by value, into a buffer that grows. What takes a value returns 0 where it cannot be written here: integers
   beyond 64 bits, objects of other types than JSON has, and lists in more layers than `depth`. */

#ifndef ETAPA_MESSAGE_PACK
#define ETAPA_MESSAGE_PACK

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    unsigned char *bytes;
    size_t room, length;
};

static int grow(struct buffer *to, size_t more)
{
    size_t wanted = 2 * (to->length + more) + 4096;
    unsigned char *larger = PyMem_Realloc(to->bytes, wanted);
    if (larger == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    to->bytes = larger;
    to->room = wanted;
    return 1;
}

static inline int has_room(struct buffer *to, size_t more)
{
    return to->room - to->length >= more || grow(to, more);
}

static inline void put(struct buffer *to, unsigned char byte)
{
    to->bytes[to->length++] = byte;
}

/* The first byte, and a number in as many bytes, the highest first. */
static inline void put_number(struct buffer *to, unsigned char first, uint64_t number, int bytes)
{
    put(to, first);
    while (bytes--)
        put(to, (unsigned char)(number >> (8 * bytes)));
}

static int write_integer(struct buffer *to, int64_t number)
{
    if (!has_room(to, 9))
        return 0;
    uint64_t bits = (uint64_t)number;
    if (number >= -32 && number < 128)
        put(to, (unsigned char)number);
    else if (number >= 0)
        number <= UINT8_MAX      ? put_number(to, 0xcc, bits, 1)
        : number <= UINT16_MAX   ? put_number(to, 0xcd, bits, 2)
        : number <= (int64_t)UINT32_MAX ? put_number(to, 0xce, bits, 4)
                                 : put_number(to, 0xcf, bits, 8);
    else
        number >= INT8_MIN    ? put_number(to, 0xd0, bits, 1)
        : number >= INT16_MIN ? put_number(to, 0xd1, bits, 2)
        : number >= INT32_MIN ? put_number(to, 0xd2, bits, 4)
                              : put_number(to, 0xd3, bits, 8);
    return 1;
}

/* The head of what has a size: up to `most` in the first byte, or after it in one (0: never), two or four bytes. */
static int write_head(struct buffer *to, Py_ssize_t size, unsigned char small, Py_ssize_t most, unsigned char one, unsigned char two)
{
    if (!has_room(to, 5) || size > (Py_ssize_t)UINT32_MAX)
        return 0;
    if (size <= most)
        put(to, (unsigned char)(small | size));
    else if (one && size <= UINT8_MAX)
        put_number(to, one, (uint64_t)size, 1);
    else if (size <= UINT16_MAX)
        put_number(to, two, (uint64_t)size, 2);
    else
        put_number(to, (unsigned char)(two + 1), (uint64_t)size, 4);
    return 1;
}

static inline int write_text_head(struct buffer *to, Py_ssize_t size)
{
    return write_head(to, size, 0xa0, 31, 0xd9, 0xda);
}

static inline int write_list_head(struct buffer *to, Py_ssize_t size)
{
    return write_head(to, size, 0x90, 15, 0, 0xdc);
}

static inline int write_map_head(struct buffer *to, Py_ssize_t size)
{
    return write_head(to, size, 0x80, 15, 0, 0xde);
}

static int write_bytes(struct buffer *to, const char *bytes, Py_ssize_t size)
{
    if (!has_room(to, (size_t)size))
        return 0;
    memcpy(to->bytes + to->length, bytes, (size_t)size);
    to->length += (size_t)size;
    return 1;
}

static int write_binary(struct buffer *to, PyObject *told)
{
    return PyBytes_CheckExact(told) && write_head(to, PyBytes_GET_SIZE(told), 0, -1, 0xc4, 0xc5)
        && write_bytes(to, PyBytes_AS_STRING(told), PyBytes_GET_SIZE(told));
}

static int write_text(struct buffer *to, PyObject *told)
{
    /* Other text would keep its UTF-8 from then on, wherever it is used. */
    if (!PyUnicode_IS_ASCII(told)) {
        PyObject *encoded = PyUnicode_AsUTF8String(told);
        int is_done = encoded != NULL && write_text_head(to, PyBytes_GET_SIZE(encoded))
            && write_bytes(to, PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded));
        Py_XDECREF(encoded);
        return is_done;
    }
    Py_ssize_t size = PyUnicode_GET_LENGTH(told);
    return write_text_head(to, size) && write_bytes(to, (const char *)PyUnicode_1BYTE_DATA(told), size);
}

static inline int integer_of(PyObject *told, int64_t *number)
{
    int overflow;
    if (!PyLong_CheckExact(told))
        return 0;
#if PY_VERSION_HEX < 0x030C0000
    /* Times have two digits. */
    const digit *digits = ((PyLongObject *)told)->ob_digit;
    if (Py_SIZE(told) == 2 || Py_SIZE(told) == 1) {
        *number = Py_SIZE(told) == 2 ? (int64_t)digits[1] << PyLong_SHIFT | digits[0] : (int64_t)digits[0];
        return 1;
    }
#endif
    *number = PyLong_AsLongLongAndOverflow(told, &overflow);
    return !overflow;
}

/* Beyond 63 bits, as every other digest of a value is, but not beyond 64. */
static int write_large(struct buffer *to, PyObject *told)
{
    uint64_t number = PyLong_AsUnsignedLongLong(told);
    if (number == UINT64_MAX && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return has_room(to, 9) && (put_number(to, 0xcf, number, 8), 1);
}

static int write_value(struct buffer *to, PyObject *told, int depth)
{
    int64_t number;
    if (told == Py_None)
        return has_room(to, 1) && (put(to, 0xc0), 1);
    if (PyLong_CheckExact(told))
        return integer_of(told, &number) ? write_integer(to, number) : write_large(to, told);
    if (PyUnicode_CheckExact(told))
        return write_text(to, told);
    if (PyBool_Check(told))
        return has_room(to, 1) && (put(to, told == Py_True ? 0xc3 : 0xc2), 1);
    if (PyFloat_CheckExact(told)) {
        double value = PyFloat_AS_DOUBLE(told);
        uint64_t bits;
        memcpy(&bits, &value, 8);
        return has_room(to, 9) && (put_number(to, 0xcb, bits, 8), 1);
    }
    if (depth == 0)
        return 0;
    if (PyList_CheckExact(told) || PyTuple_CheckExact(told)) {
        Py_ssize_t size = PySequence_Fast_GET_SIZE(told);
        PyObject **items = PySequence_Fast_ITEMS(told);
        int is_done = write_list_head(to, size);
        for (Py_ssize_t place = 0; is_done && place < size; place++)
            is_done = write_value(to, items[place], depth - 1);
        return is_done;
    }
    if (PyDict_CheckExact(told)) {
        Py_ssize_t place = 0;
        PyObject *name, *value;
        int is_done = write_map_head(to, PyDict_GET_SIZE(told));
        while (is_done && PyDict_Next(told, &place, &name, &value))
            is_done = PyUnicode_CheckExact(name) && write_text(to, name) && write_value(to, value, depth - 1);
        return is_done;
    }
    return write_binary(to, told);
}

#endif
