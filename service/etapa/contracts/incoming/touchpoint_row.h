/* One touchpoint that was read and not yet judged: where its fields are in the bytes that it came in. */

#ifndef TOUCHPOINT_ROW_H
#define TOUCHPOINT_ROW_H

#include "usual_touchpoint.h"

#define LONGEST 0xffff /* Bytes of a value that can be a row. */

typedef struct {
    PyObject *owner; /* Keeps the bytes; NULL: not a usual touchpoint, or one that was given up. */
    PyObject *type, *channel; /* NULL: it has no channel */
    place value;
    int64_t at;
    uint16_t length, id, id_length, customer, customer_length, properties, traits; /* From the beginning of the value; 0: there are none. */
} row;

/* Let it be the row of no touchpoint. */
static void give_up(row *one)
{
    Py_CLEAR(one->owner);
    Py_CLEAR(one->type);
    Py_CLEAR(one->channel);
}

/* Make a row of what was read in a value, whose bytes `owner` keeps. Returns -1 after an error. */
static int keep_row(row *kept, PyObject *owner, place start, Py_ssize_t length, const touchpoint *read)
{
    const text *texts = read->texts;
    PyObject *type = usual_text_object(texts[TYPE]), *channel = texts[CHANNEL].start == NULL ? NULL : usual_text_object(texts[CHANNEL]);
    if (type == NULL || (channel == NULL && texts[CHANNEL].start != NULL)) {
        Py_XDECREF(type);
        Py_XDECREF(channel);
        return -1;
    }
    *kept = (row){
        .owner = Py_NewRef(owner),
        .type = type,
        .channel = channel,
        .value = start,
        .at = read->at,
        .length = (uint16_t)length,
        .id = (uint16_t)(texts[ID].start - start),
        .id_length = (uint16_t)texts[ID].length,
        .customer = (uint16_t)(texts[CUSTOMER_ID].start - start),
        .customer_length = (uint16_t)texts[CUSTOMER_ID].length,
        .properties = (uint16_t)(read->properties == NULL ? 0 : read->properties - start),
        .traits = (uint16_t)(read->traits == NULL ? 0 : read->traits - start),
    };
    return 0;
}

#endif
