/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What became of an attempt to read or write. */
typedef enum
{
  LECTERN_IO_DONE,  /* some bytes went through */
  LECTERN_IO_AGAIN, /* none now */
  LECTERN_IO_END,   /* the peer has ended */
  LECTERN_IO_BROKEN,
} LecternIo;
