/* Finds the fields of a touchpoint that is written as nearly all are, and declines every other.

   Declined is whatever `flat_json.h` declines, and unknown or repeated fields, times not in UTC, and all errors. */

#ifndef USUAL_TOUCHPOINT_H
#define USUAL_TOUCHPOINT_H

#include "flat_json.h"

enum field { ID, CUSTOMER_ID, TYPE, OCCURRED_AT, CHANNEL, PROPERTIES, TRAITS, UNKNOWN };

typedef struct {
    text texts[CHANNEL + 1];
    place properties, traits; /* NULL: there are none */
    int64_t at;
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
static int read_fields(place at, place end, touchpoint *read)
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
        else if (field >= PROPERTIES) {
            *(field == PROPERTIES ? &read->properties : &read->traits) = at;
            at = after_object(at, end, NULL, NULL);
        }
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

static int is_within(text told, Py_ssize_t shortest, Py_ssize_t longest)
{
    return told.length >= shortest && told.length <= longest;
}

/* Whether the bytes of a value are a touchpoint as nearly all are. `usual`: of 128 characters, those that a customer id may begin with.
   `key`: the record's, which must be the customer; with no start, any may be. */
static int read_touchpoint(place start, Py_ssize_t length, text key, const char *usual, touchpoint *read)
{
    if (!read_fields(start, start + length, read))
        return 0;
    text customer_id = read->texts[CUSTOMER_ID], type = read->texts[TYPE];
    return is_within(read->texts[ID], 1, 256) && is_within(customer_id, 1, 256) && is_within(type, 1, 128) && *type.start != '$'
        && is_within(read->texts[CHANNEL], 0, 128) && usual[*customer_id.start]
        && (key.start == NULL
            || (key.length == customer_id.length && memcmp(key.start, customer_id.start, (size_t)customer_id.length) == 0))
        && read_time(read->texts[OCCURRED_AT], &read->at);
}

/* Its fields as a tuple. `end`: that of its value; `wanted`: the names of the properties to keep, or None. */
static PyObject *fields_object(PyObject *id, PyObject *customer_id, PyObject *type, int64_t at, PyObject *channel, place properties,
                               place traits, place end, PyObject *wanted)
{
    PyObject *kept_properties = NULL, *kept_traits = NULL, *made = PyTuple_New(7);
    int is_read = (properties == NULL || after_object(properties, end, wanted, &kept_properties) != NULL)
        && (traits == NULL || after_object(traits, end, Py_None, &kept_traits) != NULL);
    PyObject *when = PyLong_FromLongLong(at);
    if (made == NULL || !is_read || id == NULL || customer_id == NULL || type == NULL || channel == NULL || when == NULL)
        Py_CLEAR(made);
    PyObject *fields[] = {id, customer_id, type, when, channel, kept_properties, kept_traits};
    for (Py_ssize_t position = 0; position < 7; position++) {
        PyObject *field = fields[position];
        if (made == NULL)
            Py_XDECREF(field);
        else
            PyTuple_SET_ITEM(made, position, field == NULL ? Py_NewRef(Py_None) : field);
    }
    return made;
}

#endif
