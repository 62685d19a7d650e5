/* Writes a customer's state as MessagePack, straight from the customer's values into one buffer, and declines unusual ones.

   `spelled_out` in `state.py` writes whatever is declined; for what is written here it gives the same bytes. Where this module is not
   compiled, it writes everything. Declined are integers beyond 64 bits, objects of other types than JSON has, and lists in many layers. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define DEEPEST 32

/* One buffer for all states, which grows as needed. Nothing in here calls Python code, so nobody else writes meanwhile. */
static unsigned char *written;
static size_t room, length;

static int grow(size_t more)
{
    size_t wanted = 2 * (length + more) + 4096;
    unsigned char *larger = PyMem_Realloc(written, wanted);
    if (larger == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    written = larger;
    room = wanted;
    return 1;
}

static inline int has_room(size_t more)
{
    return room - length >= more || grow(more);
}

static inline void put(unsigned char byte)
{
    written[length++] = byte;
}

/* The first byte, and a number in as many bytes, the highest first. */
static inline void put_number(unsigned char first, uint64_t number, int bytes)
{
    put(first);
    while (bytes--)
        put((unsigned char)(number >> (8 * bytes)));
}

static int write_integer(int64_t number)
{
    if (!has_room(9))
        return 0;
    uint64_t bits = (uint64_t)number;
    if (number >= -32 && number < 128)
        put((unsigned char)number);
    else if (number >= 0)
        number <= UINT8_MAX      ? put_number(0xcc, bits, 1)
        : number <= UINT16_MAX   ? put_number(0xcd, bits, 2)
        : number <= (int64_t)UINT32_MAX ? put_number(0xce, bits, 4)
                                 : put_number(0xcf, bits, 8);
    else
        number >= INT8_MIN    ? put_number(0xd0, bits, 1)
        : number >= INT16_MIN ? put_number(0xd1, bits, 2)
        : number >= INT32_MIN ? put_number(0xd2, bits, 4)
                              : put_number(0xd3, bits, 8);
    return 1;
}

/* The head of what has a size: up to `most` in the first byte, or after it in one (0: never), two or four bytes. */
static int write_head(Py_ssize_t size, unsigned char small, Py_ssize_t most, unsigned char one, unsigned char two)
{
    if (!has_room(5) || size > (Py_ssize_t)UINT32_MAX)
        return 0;
    if (size <= most)
        put((unsigned char)(small | size));
    else if (one && size <= UINT8_MAX)
        put_number(one, (uint64_t)size, 1);
    else if (size <= UINT16_MAX)
        put_number(two, (uint64_t)size, 2);
    else
        put_number((unsigned char)(two + 1), (uint64_t)size, 4);
    return 1;
}

static int write_bytes(const char *bytes, Py_ssize_t size)
{
    if (!has_room((size_t)size))
        return 0;
    memcpy(written + length, bytes, (size_t)size);
    length += (size_t)size;
    return 1;
}

static int write_binary(PyObject *told)
{
    return PyBytes_CheckExact(told) && write_head(PyBytes_GET_SIZE(told), 0, -1, 0xc4, 0xc5)
        && write_bytes(PyBytes_AS_STRING(told), PyBytes_GET_SIZE(told));
}

static int write_encoded(PyObject *told)
{
    return PyBytes_CheckExact(told) && write_bytes(PyBytes_AS_STRING(told), PyBytes_GET_SIZE(told));
}

static int write_text(PyObject *told)
{
    /* Other text would keep its UTF-8 from then on, wherever it is used. */
    if (!PyUnicode_IS_ASCII(told)) {
        PyObject *encoded = PyUnicode_AsUTF8String(told);
        int is_done = encoded != NULL && write_head(PyBytes_GET_SIZE(encoded), 0xa0, 31, 0xd9, 0xda)
            && write_bytes(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded));
        Py_XDECREF(encoded);
        return is_done;
    }
    Py_ssize_t size = PyUnicode_GET_LENGTH(told);
    return write_head(size, 0xa0, 31, 0xd9, 0xda) && write_bytes((const char *)PyUnicode_1BYTE_DATA(told), size);
}

static inline int write_list_head(Py_ssize_t size)
{
    return write_head(size, 0x90, 15, 0, 0xdc);
}

static inline int write_map_head(Py_ssize_t size)
{
    return write_head(size, 0x80, 15, 0, 0xde);
}

static inline int integer_of(PyObject *told, int64_t *number)
{
    int overflow;
    if (!PyLong_CheckExact(told))
        return 0;
    *number = PyLong_AsLongLongAndOverflow(told, &overflow);
    return !overflow;
}

static int write_value(PyObject *told, int depth)
{
    int64_t number;
    if (told == Py_None)
        return has_room(1) && (put(0xc0), 1);
    if (PyLong_CheckExact(told))
        return integer_of(told, &number) && write_integer(number);
    if (PyUnicode_CheckExact(told))
        return write_text(told);
    if (PyBool_Check(told))
        return has_room(1) && (put(told == Py_True ? 0xc3 : 0xc2), 1);
    if (PyFloat_CheckExact(told)) {
        double value = PyFloat_AS_DOUBLE(told);
        uint64_t bits;
        memcpy(&bits, &value, 8);
        return has_room(9) && (put_number(0xcb, bits, 8), 1);
    }
    if (depth == 0)
        return 0;
    if (PyList_CheckExact(told) || PyTuple_CheckExact(told)) {
        Py_ssize_t size = PySequence_Fast_GET_SIZE(told);
        PyObject **items = PySequence_Fast_ITEMS(told);
        int is_done = write_list_head(size);
        for (Py_ssize_t place = 0; is_done && place < size; place++)
            is_done = write_value(items[place], depth - 1);
        return is_done;
    }
    if (PyDict_CheckExact(told)) {
        Py_ssize_t place = 0;
        PyObject *name, *value;
        int is_done = write_map_head(PyDict_GET_SIZE(told));
        while (is_done && PyDict_Next(told, &place, &name, &value))
            is_done = PyUnicode_CheckExact(name) && write_text(name) && write_value(value, depth - 1);
        return is_done;
    }
    return write_binary(told);
}

/* A name, its number if it has one, or none. */
static int write_name(PyObject *name, PyObject *numbers)
{
    if (!PyUnicode_CheckExact(name))
        return name == Py_None && write_value(name, 0);
    PyObject *number = PyDict_GetItemWithError(numbers, name);
    return number != NULL ? write_value(number, 0) : !PyErr_Occurred() && write_text(name);
}

static int write_since(PyObject *told, int64_t later)
{
    const int64_t most = (int64_t)1 << 62;
    int64_t number;
    return integer_of(told, &number) && number >= -most && number <= most && later > -most && later < most && write_integer(later - number);
}

#define KEPT 256
#define NONE 255

/* The numbers of keys that were looked up last: nearly all customers have the keys of one program. */
static PyObject *kept_keys, *kept_numbers;
static unsigned char kept[KEPT];

static int keep_numbers_of(PyObject *keys, PyObject *numbers)
{
    if (keys == kept_keys && numbers == kept_numbers)
        return 1;
    Py_CLEAR(kept_keys);
    if (PyTuple_GET_SIZE(keys) > KEPT)
        return 0;
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(keys); place++) {
        int64_t number;
        PyObject *key = PyTuple_GET_ITEM(keys, place), *told = PyUnicode_CheckExact(key) ? PyDict_GetItemWithError(numbers, key) : NULL;
        if (PyErr_Occurred())
            return 0;
        kept[place] = told != NULL && integer_of(told, &number) && number >= 0 && number < 128 ? (unsigned char)number : NONE;
    }
    Py_XSETREF(kept_numbers, Py_NewRef(numbers));
    kept_keys = Py_NewRef(keys);
    return 1;
}

static int write_memory(PyObject *memory, PyObject *keys, PyObject *numbers, int64_t clock)
{
    if (!PyList_CheckExact(memory) || !PyTuple_CheckExact(keys))
        return 0;
    Py_ssize_t entries = 0, size = Py_MIN(PyList_GET_SIZE(memory), PyTuple_GET_SIZE(keys));
    for (Py_ssize_t place = 0; place < size; place++)
        entries += PyList_GET_ITEM(memory, place) != Py_None;
    int is_kept = keep_numbers_of(keys, numbers), is_done = !PyErr_Occurred() && size == PyList_GET_SIZE(memory) && write_map_head(entries);
    for (Py_ssize_t place = 0; is_done && place < size; place++) {
        PyObject *entry = PyList_GET_ITEM(memory, place);
        if (entry == Py_None)
            continue;
        is_done = (is_kept && kept[place] != NONE ? write_integer(kept[place]) : write_name(PyTuple_GET_ITEM(keys, place), numbers))
            && (PyLong_CheckExact(entry) ? write_since(entry, clock) : !PyBool_Check(entry) && write_value(entry, DEEPEST));
    }
    return is_done;
}

static int write_before(PyObject *before, PyObject *numbers, int64_t entered_at)
{
    if (before == Py_None)
        return write_value(before, 0);
    return PyTuple_CheckExact(before) && PyTuple_GET_SIZE(before) == 3 && write_list_head(3) && write_name(PyTuple_GET_ITEM(before, 0), numbers)
        && write_since(PyTuple_GET_ITEM(before, 1), entered_at) && write_name(PyTuple_GET_ITEM(before, 2), numbers);
}

/* A number, or a `Course`: the way, the persona, and what is kept of those who left the ideal way, unless it is as usual. */
static int write_way(PyObject *way, PyObject *numbers)
{
    if (PyLong_CheckExact(way))
        return write_value(way, 0);
    int64_t ideal, furthest;
    if (!PyTuple_Check(way) || PyTuple_GET_SIZE(way) != 7)
        return 0;
    PyObject **of = &PyTuple_GET_ITEM(way, 0);
    if (!integer_of(of[2], &ideal) || !integer_of(of[4], &furthest) || !PyBytes_CheckExact(of[3]) || !PyBytes_CheckExact(of[5]))
        return 0;
    int is_on_it = of[6] == Py_None && ideal == 0 && furthest == -1 && PyBytes_GET_SIZE(of[3]) == 0 && PyBytes_GET_SIZE(of[5]) == 0;
    int is_done = write_list_head(is_on_it ? 2 : of[6] == Py_None ? 6 : 7) && write_value(of[0], 0) && write_name(of[1], numbers);
    if (is_done && !is_on_it)
        is_done = write_integer(ideal) && write_binary(of[3]) && write_integer(furthest) && write_binary(of[5]);
    if (is_done && of[6] != Py_None) {
        is_done = PyTuple_CheckExact(of[6]) && write_list_head(PyTuple_GET_SIZE(of[6]));
        for (Py_ssize_t place = 0; is_done && place < PyTuple_GET_SIZE(of[6]); place++)
            is_done = write_name(PyTuple_GET_ITEM(of[6], place), numbers);
    }
    return is_done;
}

/* Up to 63 bits as a number. More of them are bytes. */
static int write_visited(PyObject *visited)
{
    int64_t bits;
    return integer_of(visited, &bits) && bits >= 0 && write_integer(bits);
}

static int write_traits(PyObject *traits, PyObject *numbers, int64_t clock)
{
    Py_ssize_t place = 0;
    PyObject *name, *entry;
    int is_done = PyDict_CheckExact(traits) && write_map_head(PyDict_GET_SIZE(traits));
    while (is_done && PyDict_Next(traits, &place, &name, &entry)) {
        is_done = PyList_CheckExact(entry) && PyList_GET_SIZE(entry) > 0 && write_name(name, numbers) && write_list_head(PyList_GET_SIZE(entry))
            && write_since(PyList_GET_ITEM(entry, 0), clock);
        for (Py_ssize_t item = 1; is_done && item < PyList_GET_SIZE(entry); item++)
            is_done = write_value(PyList_GET_ITEM(entry, item), DEEPEST);
    }
    return is_done;
}

enum value { FORMAT, NUMBERS, VERSION, STAGE, DUE, ENTERED_AT, CLOCK, FIRST_AT, SEQUENCE, RECENT, MEMORY, KEYS, RULE, BEFORE, WAY, VISITED, TRAITS, OUTREACH, VALUES };

static int write_all(PyObject *const *of)
{
    PyObject *numbers = of[NUMBERS];
    int64_t entered_at, clock;
    if (!PyDict_CheckExact(numbers) || !integer_of(of[ENTERED_AT], &entered_at) || !integer_of(of[CLOCK], &clock))
        return 0;
    int has_outreach = of[OUTREACH] != Py_None, has_traits = has_outreach || !PyDict_CheckExact(of[TRAITS]) || PyDict_GET_SIZE(of[TRAITS]) > 0;
    return write_list_head(14 + has_traits + has_outreach) && write_value(of[FORMAT], 0) && write_value(of[VERSION], 0) && write_value(of[STAGE], 0)
        && write_value(of[DUE], 0) && write_integer(entered_at) && write_since(of[ENTERED_AT], clock) && write_since(of[FIRST_AT], entered_at)
        && write_value(of[SEQUENCE], 0) && write_binary(of[RECENT]) && write_memory(of[MEMORY], of[KEYS], numbers, clock)
        && write_name(of[RULE], numbers) && write_before(of[BEFORE], numbers, entered_at) && write_way(of[WAY], numbers)
        && write_visited(of[VISITED])
        && (!has_traits || write_traits(of[TRAITS], numbers, clock)) && (!has_outreach || write_encoded(of[OUTREACH]));
}

static PyObject *write_state(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != VALUES)
        return PyErr_Format(PyExc_TypeError, "write_state takes %d arguments, not %zd", VALUES, count);
    length = 0;
    if (write_all(arguments))
        return PyBytes_FromStringAndSize((const char *)written, (Py_ssize_t)length);
    /* What could not be encoded fails again where it is spelled out, which says why. */
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return NULL;
    PyErr_Clear();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(write_state_doc,
             "A state, or None if it must be written another way. Takes the format's number, the numbers of names, and values of a customer:\n\n"
             "version, stage, due, entered_at, clock, first_at, sequence, recent, memory, keys, rule, before, way, visited, traits, and\n"
             "outreach as MessagePack or None.");

static PyMethodDef methods[] = {
    {"write_state", (PyCFunction)(void (*)(void))write_state, METH_FASTCALL, write_state_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_state", "See quick_state.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_state(void)
{
    return PyModule_Create(&module);
}
