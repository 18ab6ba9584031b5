/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Marks what liblectern exports; everything else stays hidden. */
#define LECTERN_API __attribute__ ((visibility ("default")))

/* Marks a sentence for translation without translating it where it stands. */
#ifndef N_
#define N_(text) (text)
#endif
