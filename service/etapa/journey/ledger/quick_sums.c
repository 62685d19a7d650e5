/* Sums of figures by key, as `PlainSums` in `plain_sums.py` keeps them. Where this module is not compiled, that class does it.

A row is its hash, its key and its figures, each 64 bits; rows stay in the order of arrival, and an index finds them. A key's columns
hold names, of which each row has a reference of its own (none is 0), or whole numbers. What does not fit into 62 bits is declined with
`OverflowError`, before anything changed. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_COLUMNS 8
#define MOST_FIGURES 8
#define FEW 32
#define SLOTS 1024
#define LARGEST ((int64_t)1 << 62)

typedef struct {
    PyObject_HEAD
    int keys, figures;
    unsigned numbered; /* a bit for each column of whole numbers */
    Py_ssize_t count, room;
    int64_t *rows;
    uint32_t *index; /* numbers of rows, from 1 */
    size_t mask;
    int64_t most; /* no figure is larger, negative or not */
    uint32_t *met; /* rows of touchpoints, by the addresses of their names; NULL as long as there are few */
} sums;

static PyTypeObject sums_type;

static inline int is_name(const sums *self, int column)
{
    return !(self->numbered >> column & 1u);
}

static inline Py_ssize_t width(const sums *self)
{
    return 1 + self->keys + self->figures;
}

static inline int64_t *key_at(const sums *self, Py_ssize_t row)
{
    return self->rows + row * width(self) + 1;
}

static inline PyObject *name_in(int64_t word)
{
    return (PyObject *)(intptr_t)word;
}

static int whole_number(PyObject *number, int64_t *read)
{
    if (!PyLong_Check(number)) {
        PyErr_SetString(PyExc_TypeError, "not a whole number");
        return -1;
    }
    int overflow = 0;
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)number)) {
        *read = PyUnstable_Long_CompactValue((PyLongObject *)number);
        return 0;
    }
#else
    if (Py_SIZE(number) == 0 || Py_SIZE(number) == 1) {
        *read = Py_SIZE(number) ? (int64_t)((PyLongObject *)number)->ob_digit[0] : 0;
        return 0;
    }
#endif
    *read = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow || *read > LARGEST || *read < -LARGEST) {
        PyErr_SetString(PyExc_OverflowError, "a number beyond 62 bits");
        return -1;
    }
    return 0;
}

static inline int word_of(const sums *self, int column, PyObject *part, int64_t *word)
{
    if (!is_name(self, column))
        return whole_number(part, word);
    if (part == Py_None)
        *word = 0;
    else if (PyUnicode_CheckExact(part))
        *word = (int64_t)(intptr_t)part;
    else {
        PyErr_SetString(PyExc_TypeError, "a name of a key is neither text nor none");
        return -1;
    }
    return 0;
}

/* Hashes of text are well mixed already. */
static inline uint64_t hash_of(const sums *self, const int64_t *key)
{
    uint64_t hash = 0;
    for (int column = 0; column < self->keys; column++) {
        uint64_t word = (uint64_t)key[column];
        if (word && is_name(self, column)) {
            Py_hash_t known = ((PyASCIIObject *)name_in(key[column]))->hash;
            word = (uint64_t)(known == -1 ? PyObject_Hash(name_in(key[column])) : known);
        }
        hash = (hash << 13 | hash >> 51) ^ word;
    }
    hash = (hash ^ hash >> 32) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

static inline int are_same(const sums *self, const int64_t *one, const int64_t *other)
{
    for (int column = 0; column < self->keys; column++)
        if (one[column] != other[column]
            && (!one[column] || !other[column] || !is_name(self, column)
                || PyUnicode_Compare(name_in(one[column]), name_in(other[column])) != 0))
            return 0;
    return 1;
}

/* The figures of a key; of a new one, they are 0. NULL: there is no memory. */
static int64_t *figures_of(sums *self, const int64_t *key)
{
    uint64_t hash = hash_of(self, key);
    size_t place = 0;
    if (self->index != NULL)
        for (place = hash & self->mask; self->index[place]; place = (place + 1) & self->mask) {
            int64_t *there = key_at(self, (Py_ssize_t)self->index[place] - 1);
            if ((uint64_t)there[-1] == hash && are_same(self, there, key))
                return there + self->keys;
        }
    if (self->count == self->room) {
        if (self->room >= 1 << 30) {
            PyErr_NoMemory();
            return NULL;
        }
        Py_ssize_t room = self->room ? 2 * self->room : 4;
        int64_t *rows = PyMem_Realloc(self->rows, (size_t)(room * width(self)) * sizeof(int64_t));
        if (rows != NULL)
            self->rows = rows;
        uint32_t *index = rows == NULL ? NULL : PyMem_Calloc((size_t)room * 2, sizeof(uint32_t));
        if (index == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        PyMem_Free(self->index);
        self->index = index;
        self->room = room;
        self->mask = (size_t)room * 2 - 1;
        for (Py_ssize_t row = 0; row < self->count; row++) {
            for (place = (uint64_t)key_at(self, row)[-1] & self->mask; index[place];)
                place = (place + 1) & self->mask;
            index[place] = (uint32_t)row + 1;
        }
        for (place = hash & self->mask; index[place];)
            place = (place + 1) & self->mask;
    }
    int64_t *made = key_at(self, self->count);
    made[-1] = (int64_t)hash;
    for (int column = 0; column < self->keys; column++) {
        made[column] = key[column];
        if (key[column] && is_name(self, column))
            Py_INCREF(name_in(key[column]));
    }
    memset(made + self->keys, 0, (size_t)self->figures * sizeof(int64_t));
    self->index[place] = (uint32_t)++self->count;
    return made + self->keys;
}

static inline int64_t without_sign(int64_t number)
{
    return number < 0 ? -number : number;
}

/* Makes sure that no figure gets too large when each grows by up to `more`. */
static int make_room_for(sums *self, int64_t more)
{
    if (more > LARGEST || self->most > LARGEST - more) {
        self->most = 0;
        for (Py_ssize_t row = 0; row < self->count; row++)
            for (int n = 0; n < self->figures; n++)
                if (without_sign(key_at(self, row)[self->keys + n]) > self->most)
                    self->most = without_sign(key_at(self, row)[self->keys + n]);
        if (more > LARGEST || self->most > LARGEST - more) {
            PyErr_SetString(PyExc_OverflowError, "a sum beyond 62 bits");
            return -1;
        }
    }
    self->most += more;
    return 0;
}

/* No figure is larger if all rows have the same key; more than any may be if that is not certain. */
static int64_t most_together(const sums *self)
{
    uint64_t most = 0;
    for (int n = 0; n < self->figures; n++) {
        uint64_t all = 0;
        for (Py_ssize_t row = 0; row < self->count && all <= (uint64_t)LARGEST; row++)
            all += (uint64_t)without_sign(key_at(self, row)[self->keys + n]);
        if (all > most)
            most = all;
    }
    return most > (uint64_t)LARGEST ? LARGEST + 1 : (int64_t)most;
}

static inline size_t slot_of(const void *persona, const void *stage, const void *type, const void *channel)
{
    uint64_t address = (uint64_t)(uintptr_t)persona * 3 + (uint64_t)(uintptr_t)stage * 5 + (uint64_t)(uintptr_t)type * 7 + (uint64_t)(uintptr_t)channel;
    return (size_t)(address * 0x9E3779B97F4A7C15u >> 32) % SLOTS;
}

static inline int is_there(int64_t word, const PyObject *name)
{
    return word == (name == Py_None ? 0 : (int64_t)(intptr_t)name);
}

static PyObject *touch(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    int64_t key[4];
    size_t slot = 0;
    if (self->met != NULL && count == 3 && PyTuple_Check(arguments[0]) && PyTuple_GET_SIZE(arguments[0]) == 2) {
        slot = slot_of(PyTuple_GET_ITEM(arguments[0], 0), PyTuple_GET_ITEM(arguments[0], 1), arguments[1], arguments[2]);
        if (self->met[slot] && self->most < LARGEST) {
            int64_t *there = key_at(self, (Py_ssize_t)self->met[slot] - 1);
            if (is_there(there[0], PyTuple_GET_ITEM(arguments[0], 0)) && is_there(there[1], PyTuple_GET_ITEM(arguments[0], 1))
                && is_there(there[2], arguments[1]) && is_there(there[3], arguments[2])) {
                self->most++;
                there[4]++;
                Py_RETURN_NONE;
            }
        }
    }
    if (count != 3 || self->keys != 4 || self->figures != 1 || !PyTuple_Check(arguments[0]) || PyTuple_GET_SIZE(arguments[0]) != 2) {
        PyErr_SetString(PyExc_TypeError, "touch takes a segment, a type and a channel");
        return NULL;
    }
    if (word_of(self, 0, PyTuple_GET_ITEM(arguments[0], 0), key) || word_of(self, 1, PyTuple_GET_ITEM(arguments[0], 1), key + 1)
        || word_of(self, 2, arguments[1], key + 2) || word_of(self, 3, arguments[2], key + 3) || make_room_for(self, 1))
        return NULL;
    int64_t *there = figures_of(self, key);
    if (there == NULL)
        return NULL;
    ++*there;
    /* The next touchpoints have the very same objects, more likely than older ones. */
    for (int column = 0; column < 4; column++)
        if (there[column - 4] != key[column]) {
            PyObject *older = name_in(there[column - 4]);
            there[column - 4] = (int64_t)(intptr_t)Py_NewRef(name_in(key[column]));
            Py_DECREF(older);
        }
    if (self->met != NULL)
        self->met[slot] = (uint32_t)((there - self->rows) / width(self)) + 1;
    else if (self->count == FEW)
        /* Without memory for it, the index does. */
        self->met = PyMem_Calloc(SLOTS, sizeof(uint32_t));
    Py_RETURN_NONE;
}

static PyObject *add_words(sums *self, PyObject *const *key, PyObject *const *figures)
{
    int64_t words[MOST_COLUMNS], numbers[MOST_FIGURES], most = 0;
    for (int column = 0; column < self->keys; column++)
        if (word_of(self, column, key[column], words + column))
            return NULL;
    for (int n = 0; n < self->figures; n++) {
        if (whole_number(figures[n], numbers + n))
            return NULL;
        if (without_sign(numbers[n]) > most)
            most = without_sign(numbers[n]);
    }
    int64_t *there = make_room_for(self, most) ? NULL : figures_of(self, words);
    if (there == NULL)
        return NULL;
    for (int n = 0; n < self->figures; n++)
        there[n] += numbers[n];
    Py_RETURN_NONE;
}

static PyObject *add(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_CheckExact(arguments[0]) || PyTuple_GET_SIZE(arguments[0]) != self->keys || !PyTuple_CheckExact(arguments[1])
        || PyTuple_GET_SIZE(arguments[1]) != self->figures) {
        PyErr_SetString(PyExc_TypeError, "add takes a key and its figures");
        return NULL;
    }
    return add_words(self, ((PyTupleObject *)arguments[0])->ob_item, ((PyTupleObject *)arguments[1])->ob_item);
}

static PyObject *count_one(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != self->keys + self->figures) {
        PyErr_SetString(PyExc_TypeError, "count takes the parts of a key and its figures");
        return NULL;
    }
    return add_words(self, arguments, arguments + self->keys);
}

static PyObject *add_all(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !Py_IS_TYPE(arguments[0], &sums_type) || arguments[0] == (PyObject *)self || !PyLong_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "add_all takes other sums, how many columns of theirs to leave out, and a number to begin with or none");
        return NULL;
    }
    const sums *other = (const sums *)arguments[0];
    int left_out = PyObject_IsTrue(arguments[1]), before = arguments[2] != Py_None;
    int64_t key[MOST_COLUMNS];
    if (self->keys != other->keys - left_out + before || self->figures != other->figures
        || self->numbered != (other->numbered >> left_out << before | (unsigned)before)) {
        PyErr_SetString(PyExc_TypeError, "these sums have other columns");
        return NULL;
    }
    /* Without their first column, several rows may have the same key. */
    int64_t more = left_out ? most_together(other) : other->most;
    if ((before && whole_number(arguments[2], key)) || make_room_for(self, more))
        return NULL;
    for (Py_ssize_t row = 0; row < other->count; row++) {
        const int64_t *theirs = key_at(other, row);
        memcpy(key + before, theirs + left_out, (size_t)(other->keys - left_out) * sizeof(int64_t));
        int64_t *there = figures_of(self, key);
        if (there == NULL)
            return NULL;
        for (int n = 0; n < self->figures; n++)
            there[n] += theirs[other->keys + n];
    }
    Py_RETURN_NONE;
}

/* The number of a name, which is put at the end if it is not there yet; -1: there is no memory. */
static Py_ssize_t number_of(PyObject *name, PyObject *all, PyObject *numbers)
{
    PyObject *known = PyDict_GetItemWithError(numbers, name);
    if (known != NULL)
        return PyLong_AsSsize_t(known);
    if (PyErr_Occurred())
        return -1;
    Py_ssize_t number = PyList_GET_SIZE(all);
    PyObject *made = PyLong_FromSsize_t(number);
    int failed = made == NULL || PyDict_SetItem(numbers, name, made) < 0 || PyList_Append(all, name) < 0;
    Py_XDECREF(made);
    return failed ? -1 : number;
}

/* All rows, with numbers for names; `all` receives each name once. NULL: there is no memory. */
static int64_t *numbered_rows(const sums *self, PyObject *all)
{
    struct {
        int64_t name, number;
    } met[256] = {{0, 0}}; /* by a part of a name's address */
    Py_ssize_t columns = width(self) - 1;
    PyObject *numbers = PyDict_New();
    int64_t *found = PyMem_Malloc((size_t)(self->count * columns) * sizeof(int64_t));
    int made = numbers != NULL && found != NULL;
    for (Py_ssize_t row = 0; made && row < self->count; row++) {
        int64_t *words = found + row * columns;
        memcpy(words, key_at(self, row), (size_t)columns * sizeof(int64_t));
        for (int column = 0; made && column < self->keys; column++) {
            int64_t name = words[column];
            if (!is_name(self, column))
                continue;
            size_t slot = (size_t)(name >> 4 ^ name >> 12) & 255;
            if (name && met[slot].name != name) {
                met[slot].number = number_of(name_in(name), all, numbers);
                met[slot].name = name;
                made = met[slot].number >= 0;
            }
            words[column] = name ? met[slot].number : -1;
        }
    }
    Py_XDECREF(numbers);
    if (!made) {
        PyMem_Free(found);
        return NULL;
    }
    return found;
}

static PyObject *rows(sums *self, PyObject *nothing)
{
    (void)nothing;
    Py_ssize_t length = self->count * (width(self) - 1);
    PyObject *all = PyList_New(0), *found = PyList_New(length), *both = NULL;
    int64_t *words = all == NULL || found == NULL ? NULL : numbered_rows(self, all);
    int made = words != NULL;
    for (Py_ssize_t place = 0; made && place < length; place++) {
        PyList_SET_ITEM(found, place, PyLong_FromLongLong(words[place]));
        made = PyList_GET_ITEM(found, place) != NULL;
    }
    if (made)
        both = PyTuple_Pack(2, all, found);
    PyMem_Free(words);
    Py_XDECREF(all);
    Py_XDECREF(found);
    return both;
}

/* MessagePack's integers, each as short as can be. */
static unsigned char *packed_number(unsigned char *to, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    unsigned char first_byte = 0xcc;
    int bytes;
    if (number >= 0)
        bytes = number < 128 ? 0 : number < 256 ? 1 : number < 65536 ? 2 : number <= 4294967295 ? 4 : 8;
    else {
        bytes = number >= -32 ? 0 : number >= -128 ? 1 : number >= -32768 ? 2 : number >= -2147483648LL ? 4 : 8;
        first_byte = 0xd0;
    }
    if (bytes == 0)
        *to++ = (unsigned char)bits;
    else {
        *to++ = (unsigned char)(first_byte + (bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3));
        while (bytes--)
            *to++ = (unsigned char)(bits >> 8 * bytes);
    }
    return to;
}

/* The beginning of an array, whose first byte is 0x90 with few items and otherwise 0xdc, or of a text, with 0xa0 and 0xd9. */
static unsigned char *packed_length(unsigned char *to, size_t length, unsigned char few, size_t so_few, unsigned char many)
{
    if (length <= so_few) {
        *to++ = (unsigned char)(few | length);
        return to;
    }
    int bytes = many == 0xd9 && length < 256 ? 1 : length < 65536 ? 2 : 4;
    *to++ = (unsigned char)(many == 0xd9 ? 0xd9 + (bytes >> 1) : 0xdc + (bytes >> 2));
    while (bytes--)
        *to++ = (unsigned char)(length >> 8 * bytes);
    return to;
}

static PyObject *packed(sums *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *all = PyList_New(0), *made = NULL;
    int64_t *words = all == NULL ? NULL : numbered_rows(self, all);
    size_t numbers = (size_t)(self->count * (width(self) - 1)), room = numbers * 9 + 16;
    int failed = words == NULL;
    for (Py_ssize_t n = 0; !failed && n < PyList_GET_SIZE(all); n++) {
        Py_ssize_t length;
        failed = PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(all, n), &length) == NULL;
        room += (size_t)length + 5;
    }
    unsigned char *start = failed ? NULL : PyMem_Malloc(room), *to = start;
    if (start != NULL) {
        *to++ = 0x92;
        to = packed_length(to, (size_t)PyList_GET_SIZE(all), 0x90, 15, 0xdc);
        for (Py_ssize_t n = 0; n < PyList_GET_SIZE(all); n++) {
            Py_ssize_t length;
            const char *text = PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(all, n), &length);
            to = packed_length(to, (size_t)length, 0xa0, 31, 0xd9);
            memcpy(to, text, (size_t)length);
            to += length;
        }
        to = packed_length(to, numbers, 0x90, 15, 0xdc);
        for (size_t place = 0; place < numbers; place++)
            to = packed_number(to, words[place]);
        made = PyBytes_FromStringAndSize((const char *)start, to - start);
    }
    else if (!PyErr_Occurred())
        PyErr_NoMemory();
    PyMem_Free(start);
    PyMem_Free(words);
    Py_XDECREF(all);
    return made;
}

/* How many names the column has, none included. */
static PyObject *names(sums *self, PyObject *number)
{
    long column = PyLong_AsLong(number);
    if (column < 0 || column >= self->keys || !is_name(self, (int)column)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "there are no names in that column");
        return NULL;
    }
    int64_t met[256] = {0}; /* by a part of a name's address */
    PyObject *found = PySet_New(NULL), *made = NULL;
    int failed = found == NULL, none = 0;
    for (Py_ssize_t row = 0; !failed && row < self->count; row++) {
        int64_t name = key_at(self, row)[column];
        size_t slot = (size_t)(name >> 4 ^ name >> 12) & 255;
        if (!name)
            none = 1;
        else if (met[slot] != name) {
            met[slot] = name;
            failed = PySet_Add(found, name_in(name)) < 0;
        }
    }
    if (!failed)
        made = PyLong_FromSsize_t(PySet_GET_SIZE(found) + none);
    Py_XDECREF(found);
    return made;
}

static PyObject *empty(sums *self, PyObject *nothing)
{
    (void)nothing;
    sums *made = PyObject_New(sums, &sums_type);
    if (made != NULL) {
        made->keys = self->keys;
        made->figures = self->figures;
        made->numbered = self->numbered;
        made->count = made->room = 0;
        made->rows = NULL;
        made->index = NULL;
        made->mask = 0;
        made->most = 0;
        made->met = NULL;
    }
    return (PyObject *)made;
}

static PyObject *load(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyList_CheckExact(arguments[0]) || !PyList_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "load takes a list of names and one of numbers");
        return NULL;
    }
    PyObject *all = arguments[0], *numbers = arguments[1];
    Py_ssize_t columns = width(self) - 1, length = PyList_GET_SIZE(numbers);
    if (length % columns)
        return PyErr_Format(PyExc_ValueError, "%zd numbers, which is not a multiple of %zd", length, columns);
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(all); number++)
        if (!PyUnicode_CheckExact(PyList_GET_ITEM(all, number))) {
            PyErr_SetString(PyExc_TypeError, "not a name");
            return NULL;
        }
    int64_t words[MOST_COLUMNS + MOST_FIGURES];
    for (Py_ssize_t start = 0; start < length; start += columns) {
        int64_t most = 0;
        for (int column = 0; column < columns; column++) {
            int64_t *word = words + column;
            if (whole_number(PyList_GET_ITEM(numbers, start + column), word))
                return NULL;
            if (column >= self->keys) {
                if (without_sign(*word) > most)
                    most = without_sign(*word);
            }
            else if (is_name(self, column)) {
                if (*word < -1 || *word >= PyList_GET_SIZE(all))
                    return PyErr_Format(PyExc_ValueError, "%zd names, but uses name number %lld", PyList_GET_SIZE(all), (long long)*word);
                *word = *word < 0 ? 0 : (int64_t)(intptr_t)PyList_GET_ITEM(all, *word);
            }
        }
        Py_ssize_t before = self->count;
        int64_t *there = figures_of(self, words);
        if (there == NULL)
            return NULL;
        if (self->count == before ? make_room_for(self, most) : 0)
            return NULL;
        if (self->count > before && most > self->most)
            self->most = most;
        for (int n = 0; n < self->figures; n++)
            there[n] += words[self->keys + n];
    }
    Py_RETURN_NONE;
}

static Py_ssize_t length(PyObject *self)
{
    return ((sums *)self)->count;
}

static PyObject *new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    int keys, figures;
    unsigned numbered;
    if (named != NULL && PyDict_GET_SIZE(named)) {
        PyErr_SetString(PyExc_TypeError, "sums take no named arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "iiI", &keys, &figures, &numbered))
        return NULL;
    if (keys < 1 || keys > MOST_COLUMNS || figures < 1 || figures > MOST_FIGURES) {
        PyErr_SetString(PyExc_ValueError, "sums have one to eight columns, and as many figures");
        return NULL;
    }
    sums *made = (sums *)type->tp_alloc(type, 0);
    if (made != NULL) {
        made->keys = keys;
        made->figures = figures;
        made->numbered = numbered;
    }
    return (PyObject *)made;
}

static void dealloc(PyObject *object)
{
    sums *self = (sums *)object;
    for (Py_ssize_t row = 0; row < self->count; row++)
        for (int column = 0; column < self->keys; column++)
            if (is_name(self, column))
                Py_XDECREF(name_in(key_at(self, row)[column]));
    PyMem_Free(self->rows);
    PyMem_Free(self->index);
    PyMem_Free(self->met);
    Py_TYPE(object)->tp_free(object);
}

static PyMethodDef methods[] = {
    {"touch", (PyCFunction)(void (*)(void))touch, METH_FASTCALL, "Count a touchpoint by its segment, type and channel."},
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, "Add figures to those of a key."},
    {"count", (PyCFunction)(void (*)(void))count_one, METH_FASTCALL, "The same with the parts of the key and the figures one by one."},
    {"add_all", (PyCFunction)(void (*)(void))add_all, METH_FASTCALL, "Add all figures of other sums."},
    {"rows", (PyCFunction)rows, METH_NOARGS, "Each name once, and all rows with numbers for names."},
    {"packed", (PyCFunction)packed, METH_NOARGS, "The same in MessagePack."},
    {"names", (PyCFunction)names, METH_O, "How many names a column has."},
    {"empty", (PyCFunction)empty, METH_NOARGS, "New sums with the same columns."},
    {"load", (PyCFunction)(void (*)(void))load, METH_FASTCALL, "Add rows with numbers for names."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods as_sequence = {.sq_length = length};

static PyTypeObject sums_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "etapa.journey.ledger.quick_sums.QuickSums",
    .tp_basicsize = sizeof(sums),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Sums of figures by key.",
    .tp_new = new,
    .tp_dealloc = dealloc,
    .tp_methods = methods,
    .tp_as_sequence = &as_sequence,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.ledger.quick_sums", "Sums of figures by key.", -1, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_quick_sums(void)
{
    if (PyType_Ready(&sums_type) < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddObjectRef(module, "QuickSums", (PyObject *)&sums_type) < 0)
        Py_CLEAR(module);
    return module;
}
