/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-plugin-module.h"

#include <link.h>
#include <string.h>

/* A small file: header, segments, notes. */
typedef struct
{
  ElfW (Ehdr) header;
  ElfW (Phdr) segments[2];
  struct
  {
    ElfW (Nhdr) head;
    char name[4];
    guint8 descriptor[20];
  } other;
  LecternPluginNote note;
} File;

static File
make_file (void)
{
  File file = { .header = { .e_type = ET_DYN,
                            .e_phoff = offsetof (File, segments),
                            .e_phentsize = sizeof (ElfW (Phdr)),
                            .e_phnum = 2 },
                .segments = { { .p_type = PT_LOAD, .p_filesz = sizeof (File) },
                              { .p_type = PT_NOTE,
                                .p_offset = offsetof (File, other),
                                .p_filesz = offsetof (File, note) + sizeof (LecternPluginNote)
                                            - offsetof (File, other),
                                .p_align = 4 } },
                .other = { { 4, 20, NT_GNU_BUILD_ID }, "GNU", { 0 } },
                .note = { sizeof (LECTERN_PLUGIN_NOTE_OWNER), 4, LECTERN_PLUGIN_NOTE_TYPE,
                          LECTERN_PLUGIN_NOTE_OWNER, 77 } };

  memcpy (file.header.e_ident, ELFMAG, SELFMAG);
  file.header.e_ident[EI_CLASS] = sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  file.header.e_ident[EI_DATA] = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
  return file;
}

/* Reads from memory of exactly @size bytes, so that a read beyond it is seen by a sanitizer. */
static gboolean
read_abi (const File *file, gsize size, guint32 *abi, GError **error)
{
  g_autofree guint8 *data = g_memdup2 (file, size);

  return lectern_plugin_module_read_abi (data, size, abi, error);
}

static void
assert_refused (const File *file, const char *message)
{
  g_autoptr (GError) error = NULL;
  guint32 abi = 0;

  g_assert_false (read_abi (file, sizeof *file, &abi, &error));
  g_assert_cmpstr (error->message, ==, message);
  g_assert_cmpuint (abi, ==, 0);
}

static void
test_reads_the_number (void)
{
  g_autoptr (GError) error = NULL;
  File file = make_file ();
  guint32 abi = 0;

  g_assert_true (read_abi (&file, sizeof file, &abi, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (abi, ==, 77);
}

static void
test_cut_anywhere (void)
{
  File file = make_file ();

  for (gsize size = 0; size < sizeof file; size++)
    {
      g_autoptr (GError) error = NULL;
      guint32 abi;

      g_assert_false (read_abi (&file, size, &abi, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
    }
}

static void
test_any_byte_changed (void)
{
  for (gsize at = 0; at < sizeof (File); at++)
    {
      File file = make_file ();
      g_autoptr (GError) error = NULL;
      guint32 abi;

      ((guint8 *) &file)[at] ^= 0xff;
      g_assert_true (read_abi (&file, sizeof file, &abi, &error) == (error == NULL));
    }
}

static void
test_other_machines (void)
{
  File file = make_file ();

  file.header.e_ident[EI_CLASS] ^= 3;
  assert_refused (&file, "not a shared object of this machine");
  file = make_file ();
  file.header.e_ident[EI_DATA] ^= 3;
  assert_refused (&file, "not a shared object of this machine");
  file = make_file ();
  file.header.e_type = ET_REL;
  assert_refused (&file, "not a shared object of this machine");
}

static void
test_no_plugin_note (void)
{
  File file = make_file ();

  file.note.name[0] = 'l';
  assert_refused (&file, "not a Lectern plugin (it has no plugin note)");
  file = make_file ();
  file.note.type = 2;
  assert_refused (&file, "not a Lectern plugin (it has no plugin note)");
  file = make_file ();
  file.header.e_phnum = 1;
  assert_refused (&file, "not a Lectern plugin (it has no plugin note)");
  file = make_file ();
  file.header.e_phnum = 0;
  assert_refused (&file, "not a Lectern plugin (it has no plugin note)");
}

static void
test_lying_sizes (void)
{
  File file = make_file ();

  file.note.descriptor_size = G_MAXUINT32;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.other.head.n_namesz = G_MAXUINT32 - 2;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.segments[0].p_filesz++;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.segments[1].p_offset = (ElfW (Off)) - 4;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.header.e_phoff = (ElfW (Off)) - 64;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.header.e_phnum = G_MAXUINT16;
  assert_refused (&file, "the ELF file is damaged");
  file = make_file ();
  file.header.e_phentsize--;
  assert_refused (&file, "the ELF file is damaged");
}

static void
test_names (void)
{
  static const char *const good[] = { "a", "http-flv", "h264", "a234567890123456789012345678901b" };
  static const char *const bad[] = {
    "", "A", "1a", "-a", "a_b", "a.b", "../a", "a/b", "é", "a234567890123456789012345678901bc"
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (lectern_plugin_name_is_valid (good[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (lectern_plugin_name_is_valid (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/module/reads-the-interface-number", test_reads_the_number);
  g_test_add_func ("/plugin/module/refuses-a-file-cut-anywhere", test_cut_anywhere);
  g_test_add_func ("/plugin/module/survives-any-changed-byte", test_any_byte_changed);
  g_test_add_func ("/plugin/module/refuses-other-machines-files", test_other_machines);
  g_test_add_func ("/plugin/module/refuses-files-without-the-note", test_no_plugin_note);
  g_test_add_func ("/plugin/module/refuses-lying-sizes", test_lying_sizes);
  g_test_add_func ("/plugin/module/knows-valid-names", test_names);
  return g_test_run ();
}
