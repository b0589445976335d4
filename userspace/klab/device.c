// SPDX-License-Identifier: GPL-2.0-only
/* The arguments of a command, and the device that it speaks to. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Digits and nothing else: strtoull() alone would take "-1", " 7" and "7x". */
static bool parse_number(const char *text, __u64 *number)
{
	int base = !strncasecmp(text, "0x", 2) ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	char *end;

	if (!isxdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*number = strtoull(digits, &end, base);
	return !errno && end != digits && !*end;
}

__u64 number_of(const struct call *call, const char *what, const char *text, __u64 min,
		__u64 max)
{
	__u64 number;

	if (!parse_number(text, &number) || number < min || number > max)
		misuse(call, "%s is a number from %llu to %llu, not '%s'", what, min, max,
		       text);
	return number;
}

__u64 number_option(const struct call *call, enum option_id id, __u64 min, __u64 max,
		    __u64 otherwise)
{
	char what[24];

	if (!call->option[id])
		return otherwise;
	snprintf(what, sizeof(what), "--%s", option_name(id));
	return number_of(call, what, call->option[id], min, max);
}

/* Opens the device and shakes hands; does not return unless both succeed. */
void device_open(struct call *call, int flags)
{
	call->step = STEP_OPEN;
	call->fd = klab_open(flags);
	if (call->fd < 0)
		refuse(call, errno);
	call->step = STEP_HANDSHAKE;
	if (klab_info(call->fd, &call->info) < 0)
		refuse(call, errno);
	if (call->info.version != KLAB_VERSION)
		refuse_because(call, EPROTO,
			       "the module speaks version %u of the contract, this klab %u: rebuild the older one",
			       call->info.version, KLAB_VERSION);
	call->step = NULL;
}
