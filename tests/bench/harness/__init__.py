# SPDX-License-Identifier: LGPL-2.1-or-later
"""What run.py is made of; see README.md."""
