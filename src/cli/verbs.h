/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of all verbs, one per cmd_*.c. */
#ifndef SOUK_CLI_VERBS_H
#define SOUK_CLI_VERBS_H
#include "cli.h"

extern const struct cli_verb cmd_attach, cmd_create, cmd_exec, cmd_export, cmd_inspect, cmd_kill, cmd_logs, cmd_ps,
        cmd_rm, cmd_run, cmd_start, cmd_stop, cmd_wait;
extern const struct cli_verb cmd_image_bootstrap, cmd_image_box, cmd_image_history, cmd_image_inspect, cmd_image_prune,
        cmd_images, cmd_import, cmd_load, cmd_rmi, cmd_save, cmd_tag;
extern const struct cli_verb cmd_completion, cmd_help, cmd_system_check, cmd_system_info, cmd_system_reap,
        cmd_system_reset, cmd_version;
extern const struct cli_verb cmd_internal_complete, cmd_internal_docs;
#endif
