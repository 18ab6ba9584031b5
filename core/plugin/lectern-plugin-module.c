/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-plugin-module.h"

#include "base/lectern-byte-reader.h"

#include <gmodule.h>
#include <link.h>
#include <string.h>

#define MAX_NAME 32
#define MAX_SETTINGS 256

gboolean
lectern_plugin_name_is_valid (const char *name)
{
  gsize length = strlen (name);

  return length > 0 && length <= MAX_NAME && g_ascii_islower (name[0])
         && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static gboolean
damaged (GError **error)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "the ELF file is damaged");
  return FALSE;
}

/* Copies, as nothing says that the file's structures are aligned in memory. */
static gboolean
read_at (const guint8 *data, gsize size, guint64 offset, void *to, gsize length)
{
  LecternByteReader reader;
  const guint8 *at;

  lectern_byte_reader_init (&reader, data, size);
  if (offset > size || !lectern_byte_reader_skip (&reader, offset))
    return FALSE;
  at = lectern_byte_reader_take (&reader, length);
  if (at == NULL)
    return FALSE;
  memcpy (to, at, length);
  return TRUE;
}

static gboolean
read_header (const guint8 *data, gsize size, ElfW (Ehdr) * header, GError **error)
{
  const guint8 class = sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  const guint8 order = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;

  if (size < SELFMAG || memcmp (data, ELFMAG, SELFMAG) != 0)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "not an ELF file");
      return FALSE;
    }
  if (!read_at (data, size, 0, header, sizeof *header))
    return damaged (error);
  if (header->e_ident[EI_CLASS] != class || header->e_ident[EI_DATA] != order
      || header->e_type != ET_DYN)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                           "not a shared object of this machine");
      return FALSE;
    }
  if (header->e_phentsize != sizeof (ElfW (Phdr)))
    return damaged (error);
  return TRUE;
}

/* Takes one note's part, padded to @align; the last one may lack its padding. */
static const guint8 *
take_padded (LecternByteReader *reader, gsize length, gsize align)
{
  const guint8 *at = lectern_byte_reader_take (reader, length);
  gsize padding = (align - length % align) % align;

  if (at != NULL)
    lectern_byte_reader_skip (reader, MIN (padding, lectern_byte_reader_get_remaining (reader)));
  return at;
}

typedef enum
{
  NOTES_NONE,
  NOTES_FOUND,
  NOTES_DAMAGED,
} Notes;

static Notes
search_notes (LecternByteReader *reader, gsize align, guint32 *abi)
{
  while (lectern_byte_reader_get_remaining (reader) > 0)
    {
      const guint8 *at = lectern_byte_reader_take (reader, sizeof (ElfW (Nhdr)));
      const guint8 *name;
      const guint8 *descriptor;
      ElfW (Nhdr) note;

      if (at == NULL)
        return NOTES_DAMAGED;
      memcpy (&note, at, sizeof note);
      name = take_padded (reader, note.n_namesz, align);
      descriptor = name != NULL ? take_padded (reader, note.n_descsz, align) : NULL;
      if (descriptor == NULL)
        return NOTES_DAMAGED;
      if (note.n_type != LECTERN_PLUGIN_NOTE_TYPE
          || note.n_namesz != sizeof (LECTERN_PLUGIN_NOTE_OWNER)
          || memcmp (name, LECTERN_PLUGIN_NOTE_OWNER, note.n_namesz) != 0)
        continue;
      if (note.n_descsz != sizeof *abi)
        return NOTES_DAMAGED;
      memcpy (abi, descriptor, sizeof *abi);
      return NOTES_FOUND;
    }
  return NOTES_NONE;
}

/* Gives the segment's bytes when it has notes, else nothing. The loader maps what a segment
 * promises, and would die of a file that was cut short, so that is looked at here too. */
static gboolean
read_segment (const guint8 *data, gsize size, const ElfW (Phdr) * segment, LecternByteReader *notes)
{
  LecternByteReader file;

  lectern_byte_reader_init (notes, NULL, 0);
  if (segment->p_type != PT_LOAD && segment->p_type != PT_NOTE)
    return TRUE;
  lectern_byte_reader_init (&file, data, size);
  if (segment->p_offset > size || !lectern_byte_reader_skip (&file, segment->p_offset)
      || segment->p_filesz > lectern_byte_reader_get_remaining (&file))
    return FALSE;
  return segment->p_type == PT_LOAD
         || lectern_byte_reader_read_part (&file, segment->p_filesz, notes);
}

gboolean
lectern_plugin_module_read_abi (const guint8 *data, gsize size, guint32 *abi, GError **error)
{
  Notes found = NOTES_NONE;
  guint32 number = 0;
  ElfW (Ehdr) header;

  if (!read_header (data, size, &header, error))
    return FALSE;
  for (guint i = 0; i < header.e_phnum; i++)
    {
      guint64 offset = (guint64) i * sizeof (ElfW (Phdr));
      LecternByteReader notes;
      ElfW (Phdr) segment;

      if (header.e_phoff > size
          || !read_at (data, size, header.e_phoff + offset, &segment, sizeof segment)
          || !read_segment (data, size, &segment, &notes))
        return damaged (error);
      if (found == NOTES_NONE)
        found = search_notes (&notes, segment.p_align == 8 ? 8 : 4, &number);
      if (found == NOTES_DAMAGED)
        return damaged (error);
    }
  if (found == NOTES_FOUND)
    {
      *abi = number;
      return TRUE;
    }
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "not a Lectern plugin (it has no plugin note)");
  return FALSE;
}

static gboolean
check_note (const char *path, GError **error)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, error);
  guint32 abi;

  if (file == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  if (g_mapped_file_get_length (file) > LECTERN_PLUGIN_MODULE_MAX_SIZE)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "too large for a plugin");
      return FALSE;
    }
  if (!lectern_plugin_module_read_abi ((const guint8 *) g_mapped_file_get_contents (file),
                                       g_mapped_file_get_length (file), &abi, error))
    return FALSE;
  if (abi == LECTERN_PLUGIN_ABI)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
               "made for plugin interface %u, and this server has %u: build it again with this "
               "server's headers",
               abi, LECTERN_PLUGIN_ABI);
  return FALSE;
}

static gboolean
wrong (GError **error, const char *what)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "its descriptor is wrong: %s",
               what);
  return FALSE;
}

static gboolean
check_settings (const LecternSetting *settings, GError **error)
{
  guint count = 0;

  for (const LecternSetting *row = settings; row != NULL && row->key != NULL; row++)
    {
      if (++count > MAX_SETTINGS)
        return wrong (error, "too many settings, or the table has no end");
      if (!lectern_plugin_name_is_valid (row->key))
        return wrong (error, "a setting's key is not made of a-z, 0-9 and -");
      if ((guint) row->type > LECTERN_SETTING_DSCP || row->sentence == NULL)
        return wrong (error, "a setting has no known type or no sentence");
      if (row->type == LECTERN_SETTING_CHOICE && row->min == NULL)
        return wrong (error, "a choice has no words");
      if (row->initial == NULL || lectern_setting_check (row, row->initial, error))
        continue;
      g_prefix_error (error, "its descriptor is wrong: the default of '%s': ", row->key);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_descriptor (const LecternPluginDescriptor *descriptor, const char *name, GError **error)
{
  if (descriptor->abi != LECTERN_PLUGIN_ABI || descriptor->size != sizeof *descriptor)
    return wrong (error, "its size or interface number is not this server's");
  if (descriptor->name == NULL || descriptor->get_type == NULL)
    return wrong (error, "it has no name or no type");
  if (g_strcmp0 (descriptor->name, name) != 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "it calls itself '%s', and its file is named '%s'", descriptor->name, name);
      return FALSE;
    }
  return check_settings (descriptor->settings, error);
}

const LecternPluginDescriptor *
lectern_plugin_module_open (const char *path, const char *name, GError **error)
{
  GModule *module;
  gpointer symbol;

  if (!check_note (path, error))
    return NULL;
  /* Not lazily: a missing symbol is found now, before a constructor runs. */
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (module == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_FAILED, g_module_error ());
      return NULL;
    }
  g_module_make_resident (module);
  if (!g_module_symbol (module, "lectern_plugin_descriptor", &symbol) || symbol == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "it exports no lectern_plugin_descriptor");
      return NULL;
    }
  return check_descriptor (symbol, name, error) ? symbol : NULL;
}
