// SPDX-License-Identifier: GPL-2.0-only
/* klab doctor: is the module there, does it fit, may I use it, what is missing and why? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "contract.h"
#include "tool.h"

/* Why a feature can be missing where the module is not older than this klab. */
static const struct {
	__u64 feature;
	const char *why;
} reasons[] = {
	{ KLAB_FEATURE_EVENTFD, "a kernel without eventfds (CONFIG_EVENTFD)" },
	{ KLAB_FEATURE_COMPAT, "a kernel that runs no 32-bit programs (CONFIG_COMPAT)" },
	{ KLAB_FEATURE_NUMA, "a kernel for one memory node (CONFIG_NUMA)" },
	{ KLAB_FEATURE_MAP, "a 32-bit kernel cannot read the indices of a mapping at once" },
};

static void check(const struct call *call, json_object *list, const char *what, bool good,
		  const char *fact)
{
	json_object *one = json_object_new_object();

	row(call, good ? PLAIN : CHANGED, what, "%-4s %s", good ? "ok" : "no", fact);
	json_string(one, "check", what);
	json_flag(one, "ok", good);
	json_string(one, "fact", fact);
	json_object_array_add(list, one);
}

static void check_module(const struct call *call, json_object *list)
{
	bool there = !access("/sys/module/klab", F_OK);
	char version[64], fact[128];
	struct utsname host;

	uname(&host);
	if (there)
		snprintf(fact, sizeof(fact), "klab %s on Linux %s",
			 module_version(version, sizeof(version)), host.release);
	else
		snprintf(fact, sizeof(fact), "not loaded, on Linux %s: modprobe klab does it",
			 host.release);
	check(call, list, "module", there, fact);
}

static void check_device(const struct call *call, json_object *list)
{
	char fact[128];
	struct stat st;

	if (stat(KLAB_DEVICE, &st) < 0)
		snprintf(fact, sizeof(fact), "%s: %s", KLAB_DEVICE, strerror(errno));
	else
		snprintf(fact, sizeof(fact), "%s of uid %u and gid %u, mode %04o; you are uid %u",
			 KLAB_DEVICE, st.st_uid, st.st_gid, st.st_mode & 07777, geteuid());
	check(call, list, "device", !access(KLAB_DEVICE, R_OK | W_OK), fact);
}

static void check_features(const struct call *call, json_object *list)
{
	const struct contract_struct *info = contract_find("INFO")->argument;
	const struct contract_field *field = info->field;
	const struct contract_value *value;
	char fact[192];
	size_t i;

	while (strcmp(field->name, "features"))
		field++;
	for (value = field->value; value < field->value + field->values; value++) {
		bool there = call->info.features & value->value;
		const char *why = "the module is older than this klab";

		for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
			if (reasons[i].feature == value->value)
				why = reasons[i].why;
		snprintf(fact, sizeof(fact), "%s: %s%s%s", value->name + strlen("KLAB_FEATURE_"),
			 value->meaning, there ? "" : "; missing: ", there ? "" : why);
		check(call, list, "feature", there, fact);
	}
}

int doctor_run(struct call *call)
{
	json_object *top = json_start(call), *list = json_object_new_array();
	char fact[128];
	int fd, error;

	check_module(call, list);
	check_device(call, list);
	fd = klab_open(0);
	error = fd < 0 ? errno : klab_info(fd, &call->info) < 0 ? errno : 0;
	if (error)
		snprintf(fact, sizeof(fact), "%s: %s", strerrorname_np(error),
			 likely_cause(fd < 0 ? STEP_OPEN : STEP_HANDSHAKE, error) ?:
			 strerror(error));
	else
		snprintf(fact, sizeof(fact), "the device is open to you");
	check(call, list, "access", !error, fact);
	if (!error) {
		snprintf(fact, sizeof(fact), "the module speaks version %u, this klab %d",
			 call->info.version, KLAB_VERSION);
		check(call, list, "contract", call->info.version == KLAB_VERSION, fact);
		check_features(call, list);
		close(fd);
	}
	json_object_object_add(top, "checks", list);
	json_finish(call, top);
	/* What stands in the way ends klab as it ends any command. */
	fflush(stdout);
	device_open(call, 0);
	return DONE;
}
