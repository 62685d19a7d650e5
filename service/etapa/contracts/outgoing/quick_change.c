/* Writes a stage change as the body of a Kafka record (key, JSON and headers) behind others, and declines unusual ones.

   `ChangeWriter` in `stage_change.py` writes whatever is declined; for what is written here it gives the same bytes. Where this module is
   not compiled, it writes everything. Declined are ids beyond ASCII, ids and control characters that need escapes, and numbers that JSON writes in more than one way. */

#include "json_text.h"
#include <structmember.h>

/* --- reasons --- */

enum field { CONDITION, OBSERVED, EXACT_VALUE, OFF_BY, FIELDS };

static const char *const NAMES[FIELDS] = {"condition", "observed", "exact", "off_by_at_most"};

/* Where reasons of the kind that came last keep their fields. Python finds them in the same way, at eight times the cost. */
static PyTypeObject *reasons_type;
static Py_ssize_t field_at[FIELDS];

/* Whether reasons of this kind keep their fields in slots. */
static int knows(PyTypeObject *type)
{
    if (type == reasons_type)
        return 1;
    Py_ssize_t at[FIELDS];
    for (int field = 0; field < FIELDS; field++) {
        PyObject *slot = PyObject_GetAttrString((PyObject *)type, NAMES[field]);
        const PyMemberDef *member = slot != NULL && Py_IS_TYPE(slot, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)slot)->d_member : NULL;
        if (member != NULL && member->type == T_OBJECT_EX)
            at[field] = member->offset;
        else
            member = NULL;
        Py_XDECREF(slot);
        if (member == NULL)
            return 0;
    }
    memcpy(field_at, at, sizeof at);
    Py_XSETREF(reasons_type, (PyTypeObject *)Py_NewRef((PyObject *)type));
    return 1;
}

static PyObject *field_of(PyObject *reason, enum field field)
{
    return *(PyObject **)((char *)reason + field_at[field]);
}

#define KEPT 256

/* What stands before the observed value, for conditions that came lately. A journey names each with the same object every time. */
static struct {
    PyObject *condition, *piece;
} conditions[KEPT];

/* A piece in bytes, which the table keeps, or NULL. */
static PyObject *piece_of(PyObject *condition)
{
    size_t place = ((uintptr_t)condition >> 4 ^ (uintptr_t)condition >> 12) % KEPT, start = length;
    if (conditions[place].condition == condition)
        return conditions[place].piece;
    int is_done = PUT("{\"condition\":") && put_text(condition) && PUT(",\"observed\":");
    PyObject *piece = is_done ? PyBytes_FromStringAndSize((const char *)written + start, (Py_ssize_t)(length - start)) : NULL;
    length = start;
    if (piece == NULL)
        return NULL;
    Py_XSETREF(conditions[place].condition, Py_NewRef(condition));
    Py_XSETREF(conditions[place].piece, piece);
    return piece;
}

static int put_condition(PyObject *condition)
{
    PyObject *piece = PyUnicode_CheckExact(condition) ? piece_of(condition) : NULL;
    return piece != NULL && put_bytes(piece);
}

static int put_reason(PyObject *reason)
{
    if (!knows(Py_TYPE(reason)))
        return 0;
    PyObject *condition = field_of(reason, CONDITION), *observed = field_of(reason, OBSERVED);
    return field_of(reason, EXACT_VALUE) == Py_True && field_of(reason, OFF_BY) == Py_None && condition != NULL && observed != NULL
        && put_condition(condition) && put_scalar(observed) && PUT("}");
}

static int put_reasons(PyObject *because)
{
    if (!PyList_CheckExact(because) && !PyTuple_CheckExact(because))
        return 0;
    int is_done = PUT("[");
    for (Py_ssize_t place = 0; is_done && place < PySequence_Fast_GET_SIZE(because); place++)
        is_done = (place == 0 || PUT(",")) && put_reason(PySequence_Fast_GET_ITEM(because, place));
    return is_done && PUT("]");
}

/* --- changes --- */

enum value { BUFFER, CUSTOMER_ID, SEQUENCE, AT, TOUCHPOINT_ID, DWELL, BECAUSE, CHANNEL, END, AROUND, PIECES, SOURCE, TO, PHASE, CAUSE, RULE, VALUES };

#define PARTS (VALUES - SOURCE)

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

/* --- records --- */

/* The pieces around the identity, the time and the customer's id in the headers. */
enum around { BEFORE_IDENTITY, BEFORE_TIME, BEFORE_SUBJECT, AFTER_SUBJECT, AROUND_PIECES };

/* A number from 0 on as Kafka writes it: zigzag, seven bits to a byte, the lowest first. */
static byte *with_number(byte *at, size_t number)
{
    for (number <<= 1; number > 127; number >>= 7)
        *at++ = (byte)(number | 128);
    *at++ = (byte)number;
    return at;
}

static byte *with_bytes(byte *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

static byte *with_sized(byte *at, const void *bytes, size_t size)
{
    return with_bytes(with_number(at, size), bytes, size);
}

static byte *with_piece(byte *at, PyObject *around, int piece)
{
    PyObject *bytes = PyTuple_GET_ITEM(around, piece);
    return with_bytes(at, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

#define MOST_NUMBER 10 /* Bytes of a number. */

/* Puts the body behind what is in the buffer. Returns its length, or -1. */
static Py_ssize_t append_body(PyObject *buffer, PyObject *around, const size_t identity[2], const size_t time[2], size_t key_size)
{
    size_t most = 5 * MOST_NUMBER + 2 * key_size + length + (identity[1] - identity[0]) + (time[1] - time[0]);
    for (int piece = 0; piece < AROUND_PIECES; piece++)
        most += (size_t)PyBytes_GET_SIZE(PyTuple_GET_ITEM(around, piece));
    Py_ssize_t before = PyByteArray_GET_SIZE(buffer);
    /* By itself, Python makes it an eighth larger each time, and copies all of it. */
    Py_ssize_t wanted = before + (Py_ssize_t)most;
    if (((PyByteArrayObject *)buffer)->ob_alloc <= wanted && PyByteArray_Resize(buffer, wanted / 4 * 7) < 0)
        return -1;
    if (PyByteArray_Resize(buffer, wanted) < 0)
        return -1;
    byte *start = (byte *)PyByteArray_AS_STRING(buffer), *at = start + before;
    const byte *key = written + identity[0];
    at = with_sized(at, key, key_size);
    at = with_sized(at, written, length);
    at = with_piece(at, around, BEFORE_IDENTITY);
    at = with_sized(at, written + identity[0], identity[1] - identity[0]);
    at = with_piece(at, around, BEFORE_TIME);
    at = with_sized(at, written + time[0], time[1] - time[0]);
    at = with_piece(at, around, BEFORE_SUBJECT);
    at = with_sized(at, key, key_size);
    at = with_piece(at, around, AFTER_SUBJECT);
    return PyByteArray_Resize(buffer, at - start) < 0 ? -1 : at - start;
}

static int is_around(PyObject *around)
{
    int is_right = PyTuple_CheckExact(around) && PyTuple_GET_SIZE(around) == AROUND_PIECES;
    for (int piece = 0; is_right && piece < AROUND_PIECES; piece++)
        is_right = PyBytes_CheckExact(PyTuple_GET_ITEM(around, piece));
    return is_right;
}

static PyObject *append_change(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != VALUES)
        return PyErr_Format(PyExc_TypeError, "append_change takes %d arguments, not %zd", VALUES, count);
    if (!PyByteArray_CheckExact(arguments[BUFFER]) || !is_around(arguments[AROUND]))
        return PyErr_Format(PyExc_TypeError, "append_change takes a bytearray, and the pieces of the headers as %d bytes", AROUND_PIECES);
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
        return PyLong_FromLong(-1);
    }
    Py_ssize_t end = append_body(arguments[BUFFER], arguments[AROUND], identity, time, (size_t)PyUnicode_GET_LENGTH(arguments[CUSTOMER_ID]));
    return end < 0 ? NULL : PyLong_FromSsize_t(end);
}

PyDoc_STRVAR(append_change_doc,
             "Append the body of a stage change's record to a bytearray. Returns where it ends, or -1 if it must be written another way. Takes:\n\n"
             "the bytearray; customer_id, sequence, at, touchpoint_id, dwell and because; the channel and the end as they are written; the\n"
             "pieces of the headers; and what gives the pieces before and after the time, with what it takes: source, to, phase, cause and rule.");

static PyMethodDef methods[] = {
    {"append_change", (PyCFunction)(void (*)(void))append_change, METH_FASTCALL, append_change_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "quick_change", "See quick_change.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_quick_change(void)
{
    return PyModule_Create(&module);
}
