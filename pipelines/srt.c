/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes what SRT callers send to one or several UDP ports: each that the server allows gets a lane.
 * Parameters: listen (addresses with their ports), dscp (0 … 63). Messages: see srt-door.h. */
#include "lectern-job.h"

#include "srt-door.h"
#include "ts-input.h"

static gboolean
read_addresses (JsonObject *parameters, GArray *addresses, GError **error)
{
  JsonArray *array = json_object_has_member (parameters, "listen")
                         ? json_object_get_array_member (parameters, "listen")
                         : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      const char *text = json_array_get_string_element (array, i);
      LecternAddress address;

      if (!lectern_address_parse (text != NULL ? text : "", &address, error))
        return FALSE;
      g_array_append_val (addresses, address);
    }
  if (addresses->len > 0 && addresses->len <= SRT_DOOR_MAX_ADDRESSES)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "there must be 1 to %d addresses to listen on", SRT_DOOR_MAX_ADDRESSES);
  return FALSE;
}

static gboolean
start (LecternJob *job, JsonObject *parameters, GError **error)
{
  gint64 dscp = json_object_get_int_member_with_default (parameters, "dscp", 0);
  g_autoptr (GArray) addresses = g_array_new (FALSE, FALSE, sizeof (LecternAddress));
  SrtDoor *door;

  if (!read_addresses (parameters, addresses, error))
    return FALSE;
  door = srt_door_new (job, addresses, (guint) CLAMP (dscp, 0, 63), error);
  lectern_job_set_data (job, door);
  return door != NULL;
}

static void
take_message (LecternJob *job, JsonObject *message)
{
  GError *error = NULL;

  if (!srt_door_take (lectern_job_get_data (job), message, &error))
    lectern_job_fail (job, error);
}

static void
stop (LecternJob *job)
{
  SrtDoor *door = lectern_job_get_data (job);

  if (door != NULL)
    srt_door_free (door);
}

static const char *const elements[] = { TS_INPUT_ELEMENTS, NULL };

const LecternJobClass lectern_srt_job = {
  .name = "srt", .elements = elements, .start = start, .message = take_message, .stop = stop
};
