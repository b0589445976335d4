// SPDX-License-Identifier: GPL-2.0-only
/* klab ioctl list, show, decode: the contract read aloud, and any number taken apart. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "contract.h"
#include "tool.h"

#define WIDTH	80

/* Words from this column on, broken before the 80th; ends the line. */
void print_words(const struct call *call, int column, const char *words)
{
	int at = column;

	while (*words) {
		int length = strcspn(words, " ");

		if (at > column && at + 1 + length > WIDTH) {
			more(call, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			more(call, " ");
			at++;
		}
		more(call, "%.*s", length, words);
		at += length;
		words += length + !!words[length];
	}
	more(call, "\n");
}

static __printf(3, 4) void sentence(const struct call *call, int column, const char *fmt, ...)
{
	char words[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	print_words(call, column, words);
}

static const char *direction_of(unsigned int number)
{
	static const char * const names[] = {
		[_IOC_NONE] = "none",
		[_IOC_READ] = "read",
		[_IOC_WRITE] = "write",
		[_IOC_READ | _IOC_WRITE] = "read and write",
	};

	return names[_IOC_DIR(number)];
}

/* By name, with or without KLAB_IOC_, in either case; NULL when there is none. */
const struct contract_command *contract_find(const char *name)
{
	const struct contract_command *command;

	if (!strncasecmp(name, "KLAB_IOC_", 9))
		name += 9;
	for (command = contract_commands; command->name; command++)
		if (!strcasecmp(command->name, name))
			return command;
	return NULL;
}

/* By type and number, as the kernel finds it; the size may be another. */
const struct contract_command *contract_of_number(unsigned int number)
{
	const struct contract_command *command;

	for (command = contract_commands; command->name; command++)
		if (_IOC_TYPE(command->number) == _IOC_TYPE(number) &&
		    _IOC_NR(command->number) == _IOC_NR(number))
			return command;
	return NULL;
}

static json_object *command_json(const struct contract_command *command)
{
	const struct contract_struct *argument = command->argument;
	json_object *object = json_object_new_object();

	json_string(object, "name", command->name);
	json_number(object, "number", command->number);
	json_string(object, "direction", direction_of(command->number));
	json_number(object, "size", argument->size);
	json_string(object, "struct", argument->name);
	json_string(object, "summary", argument->summary);
	json_string(object, "on", argument->on);
	json_string(object, "returns", *argument->returns ? argument->returns : NULL);
	json_string(object, "capabilities",
		    *argument->capabilities ? argument->capabilities : NULL);
	return object;
}

int ioctl_list_run(struct call *call)
{
	const struct contract_command *command;
	json_object *top = json_start(call), *list = json_object_new_array();

	more(call, "number      size  way  name              what\n");
	for (command = contract_commands; command->name; command++) {
		const struct contract_struct *argument = command->argument;
		unsigned int direction = _IOC_DIR(command->number);

		more(call, "0x%08x  %4zu  %c%c   %-16s  ", command->number, argument->size,
		     direction & _IOC_READ ? 'r' : '-', direction & _IOC_WRITE ? 'w' : '-',
		     command->name);
		print_words(call, 42, argument->summary);
		if (*argument->capabilities)
			more(call, "%*s(in some cases needs %s)\n", 42, "",
			     argument->capabilities);
		json_object_array_add(list, command_json(command));
	}
	json_object_object_add(top, "commands", list);
	json_finish(call, top);
	return DONE;
}

static json_object *values_json(const struct contract_field *field)
{
	json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < field->values; i++) {
		json_object *one = json_object_new_object();

		json_string(one, "name", field->value[i].name);
		json_number(one, "value", field->value[i].value);
		json_string(one, "meaning", field->value[i].meaning);
		json_object_array_add(list, one);
	}
	return list;
}

#define WHAT_COLUMN	46

static void show_value(const struct call *call, const struct contract_value *value)
{
	more(call, "%*s", WHAT_COLUMN + 2, "");
	sentence(call, WHAT_COLUMN + 2, (__s64)value->value < 0 ? "%s %lld %s" : "%s 0x%llx %s",
		 value->name, value->value, value->meaning);
}

static void show_field(const struct call *call, const struct contract_field *field,
		       const char *prefix, size_t base, const char *role, json_object *list)
{
	json_object *one = json_object_new_object();
	char name[64], type[32];
	size_t i;

	snprintf(name, sizeof(name), "%s%s", prefix, field->name);
	if (field->count)
		snprintf(type, sizeof(type), "%s[%zu]", field->type, field->count);
	else
		snprintf(type, sizeof(type), "%s", field->type);
	more(call, "  %-4zu  %-20s  ", base + field->offset, name);
	if (strlen(name) > 20)
		more(call, "\n%30s", "");
	more(call, "%-8s  %-4s  ", field->of ? "struct" : type,
	     strcmp(role, "in, out") ? role : "both");
	print_words(call, WHAT_COLUMN, field->what);
	for (i = 0; i < field->values; i++)
		show_value(call, &field->value[i]);
	json_string(one, "field", name);
	json_number(one, "offset", base + field->offset);
	json_string(one, "type", type);
	json_string(one, "role", role);
	json_string(one, "unit", *field->unit ? field->unit : NULL);
	json_string(one, "what", field->what);
	if (field->values)
		json_object_object_add(one, "values", values_json(field));
	json_object_array_add(list, one);
}

/* All fields, those of structs within as "outer.inner". */
static json_object *show_fields(const struct call *call, const struct contract_struct *shown,
				const char *prefix, size_t base, const char *outer,
				json_object *list)
{
	const struct contract_field *field;

	for (field = shown->field; field < shown->field + shown->fields; field++) {
		const char *role = *field->role ? field->role : outer;
		char inner[64];

		show_field(call, field, prefix, base, role, list);
		snprintf(inner, sizeof(inner), "%s%s.", prefix, field->name);
		if (field->of)
			show_fields(call, field->of, inner, base + field->offset, role, list);
	}
	return list;
}

/* The records that arrays of the struct lead to. */
static json_object *show_records(const struct call *call, const struct contract_struct *shown)
{
	json_object *records = json_object_new_object();
	const struct contract_field *field;

	for (field = shown->field; field < shown->field + shown->fields; field++) {
		if (!field->record)
			continue;
		more(call, "\n");
		sentence(call, 0, "a record of %s: struct %s, %zu bytes, %s", field->name,
			 field->record->name, field->record->size, field->record->summary);
		json_object_object_add(records, field->name,
				       show_fields(call, field->record, "", 0, "out",
						   json_object_new_array()));
	}
	return records;
}

static json_object *show_errors(const struct call *call, const struct contract_error *error,
				const struct contract_error *end)
{
	json_object *errors = json_object_new_object();

	for (; error < end && error->error; error++) {
		more(call, "  %-12s", strerrorname_np(error->error));
		print_words(call, 14, *error->why ? error->why : strerror(error->error));
		json_string(errors, strerrorname_np(error->error), error->why);
	}
	return errors;
}

static const struct contract_command *named_command(const struct call *call, const char *name)
{
	const struct contract_command *command = contract_find(name);

	if (!command)
		misuse(call, "there is no command '%s': klab ioctl list has all", name);
	return command;
}

int ioctl_show_run(struct call *call)
{
	const struct contract_command *command = named_command(call, call->operand[0]);
	const struct contract_struct *argument = command->argument;
	json_object *top = json_start(call), *object = command_json(command);
	const char *line, *next;

	more(call, "KLAB_IOC_%s   0x%08x   %s, %zu bytes\n", command->name, command->number,
	     direction_of(command->number), argument->size);
	sentence(call, 0, "%s; number 0x%02x of 0x%02x, on the %s%s%s", argument->summary,
		 _IOC_NR(command->number), _IOC_TYPE(command->number), argument->on,
		 *argument->returns ? "; returns a descriptor of a " : "", argument->returns);
	more(call, "\n  %-4s  %-20s  %-8s  %-4s  %s\n", "at", "field", "type", "way", "what");
	json_object_object_add(object, "fields", show_fields(call, argument, "", 0, "",
							     json_object_new_array()));
	json_object_object_add(object, "records", show_records(call, argument));
	for (line = argument->prose; *line; line = next) {
		next = line + strcspn(line, "\n");
		more(call, "\n");
		sentence(call, 0, "%.*s", (int)(next - line), line);
		next += *next == '\n';
	}
	json_string(object, "prose", argument->prose);
	more(call, "\n%s%s%s\n", *argument->capabilities ? "in some cases needs " :
	     "needs no capability", argument->capabilities, argument->errors ? "; refuses" : "");
	json_object_object_add(object, "errors",
			       show_errors(call, argument->error,
					   argument->error + argument->errors));
	more(call, "what an errno means with every command\n");
	json_object_object_add(object, "errors_of_all",
			       show_errors(call, contract_errors, (void *)UINTPTR_MAX));
	more(call, "\ntry       klab ioctl call %s %s\n", command->name, argument->example);
	json_string(object, "example", argument->example);
	json_object_object_add(top, "ioctl", object);
	json_finish(call, top);
	return DONE;
}

/* Types of ioctl that one meets, after the kernel's ioctl-number.rst and headers. */
static const struct {
	unsigned int type;
	const char *owner;
} types[] = {
	{ 0x02, "floppy disks (linux/fd.h)" },
	{ 0x03, "hard disks, the old way (linux/hdreg.h)" },
	{ 0x12, "block devices (linux/fs.h), or blktrace and blkpg" },
	{ 0x22, "SCSI generic (scsi/sg.h)" },
	{ 0x3b, "iommufd (linux/iommufd.h)" },
	{ 0x53, "CD-ROM and SCSI (linux/cdrom.h, scsi/scsi_ioctl.h)" },
	{ 0x54, "terminals, and what all files have (asm/ioctls.h)" },
	{ 0x89, "sockets and network interfaces (linux/sockios.h)" },
	{ 0x94, "Btrfs, and what it shares with others: FICLONE (linux/fs.h)" },
	{ 0xaa, "userfaultfd (linux/userfaultfd.h)" },
	{ 0xab, "nbd, network block devices (linux/nbd.h)" },
	{ 0xae, "KVM (linux/kvm.h), or the Nitro Enclaves" },
	{ 0xaf, "vhost (linux/vhost.h)" },
	{ 0xb7, "namespaces (linux/nsfs.h)" },
	{ '$', "perf_event (linux/perf_event.h)" },
	{ '!', "seccomp (linux/seccomp.h)" },
	{ ';', "VFIO (linux/vfio.h)" },
	{ 'A', "sound: ALSA's PCM (sound/asound.h)" },
	{ 'C', "sound: an ALSA timer or MIDI" },
	{ 'E', "input events, evdev (linux/input.h)" },
	{ 'F', "framebuffers (linux/fb.h)" },
	{ 'H', "HID and hiddev (linux/hidraw.h)" },
	{ 'M', "MTD, flash memory (mtd/mtd-abi.h)" },
	{ 'P', "parallel ports, or OSS sound" },
	{ 'R', "random numbers (linux/random.h)" },
	{ 'T', "terminals, and what all files have (asm/ioctls.h)" },
	{ 'U', "sound: ALSA's control, or USB device (linux/usbdevice_fs.h), or uinput" },
	{ 'V', "Video4Linux (linux/videodev2.h), or virtual terminals" },
	{ 'W', "watchdogs (linux/watchdog.h)" },
	{ 'X', "file systems: freeze, thaw, trim (linux/fs.h), or XFS" },
	{ 'a', "RDMA, or ATM" },
	{ 'b', "dma-buf (linux/dma-buf.h), or vmstat of the old" },
	{ 'c', "CXL, or comedi" },
	{ 'd', "DRM, graphics (drm/drm.h)" },
	{ 'f', "file systems: flags, fscrypt, fs-verity, ext4 (linux/fs.h)" },
	{ 'i', "IIO, industrial sensors (linux/iio)" },
	{ 'j', "joysticks (linux/joystick.h)" },
	{ 'k', "SPI devices (linux/spi/spidev.h)" },
	{ 'o', "UBI (mtd/ubi-user.h), or DVB (linux/dvb)" },
	{ 'p', "real-time clocks (linux/rtc.h), or phones" },
	{ 'r', "FAT file systems (linux/msdos_fs.h)" },
	{ 'v', "file system versions (linux/fs.h), or Video4Linux of the old" },
	{ 0xfd, "device mapper (linux/dm-ioctl.h)" },
};

/* Numbers of their own name: those from before _IOC(), and a few that one meets. */
static const struct {
	unsigned int number;
	const char *name;
} names[] = {
	{ 0x5401, "TCGETS" }, { 0x5402, "TCSETS" }, { 0x540e, "TIOCSCTTY" },
	{ 0x540f, "TIOCGPGRP" }, { 0x5410, "TIOCSPGRP" }, { 0x5411, "TIOCOUTQ" },
	{ 0x5412, "TIOCSTI" }, { 0x5413, "TIOCGWINSZ" }, { 0x5414, "TIOCSWINSZ" },
	{ 0x541b, "FIONREAD" }, { 0x5421, "FIONBIO" }, { 0x5422, "TIOCNOTTY" },
	{ 0x5450, "FIONCLEX" }, { 0x5451, "FIOCLEX" }, { 0x5452, "FIOASYNC" },
	{ 0x5460, "FIOQSIZE" }, { 0x1260, "BLKGETSIZE" }, { 0x125d, "BLKROSET" },
	{ 0x1268, "BLKSSZGET" }, { 0x1277, "BLKDISCARD" }, { 0x80081272, "BLKGETSIZE64" },
	{ 0x8912, "SIOCGIFCONF" }, { 0x8913, "SIOCGIFFLAGS" }, { 0x8915, "SIOCGIFADDR" },
	{ 0x8927, "SIOCGIFHWADDR" }, { 0x5326, "CDROM_DRIVE_STATUS" }, { 0x2285, "SG_IO" },
	{ 0xc0045877, "FIFREEZE" }, { 0xc0045878, "FITHAW" }, { 0xc0185879, "FITRIM" },
	{ 0x40049409, "FICLONE" }, { 0x80086601, "FS_IOC_GETFLAGS" },
	{ 0x40086602, "FS_IOC_SETFLAGS" }, { 0xc020660b, "FS_IOC_FIEMAP" },
	{ 0xc0406400, "DRM_IOCTL_VERSION" }, { 0xc010640c, "DRM_IOCTL_GET_CAP" },
	{ 0xae00, "KVM_GET_API_VERSION" }, { 0xae01, "KVM_CREATE_VM" }, { 0xae80, "KVM_RUN" },
	{ 0x80685600, "VIDIOC_QUERYCAP" }, { 0x80044501, "EVIOCGVERSION" },
	{ 0x2400, "PERF_EVENT_IOC_ENABLE" },
};

int ioctl_decode_run(struct call *call)
{
	unsigned int number = number_of(call, "an ioctl", call->operand[0], 0, UINT_MAX);
	unsigned int type = _IOC_TYPE(number), size = _IOC_SIZE(number);
	const struct contract_command *ours = contract_of_number(number);
	const char *name = NULL, *owner = NULL;
	json_object *top = json_start(call);
	/* Numbers from before _IOC() say nothing of size and direction. */
	bool old = number < 0x10000 && !ours;
	char letter[16] = "", full[48];
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type && (number < 0x10000 || _IOC_DIR(number)))
			owner = types[i].owner;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == number)
			name = names[i].name;
	if (ours) {
		snprintf(full, sizeof(full), "KLAB_IOC_%s", ours->name);
		name = full;
		owner = "klab (linux/klab.h)";
	} else if (type == KLAB_IOC_MAGIC) {
		owner = "klab's type, but this klab knows no such command";
	}
	if (type > ' ' && type < 0x7f)
		snprintf(letter, sizeof(letter), " '%c'", type);

	row(call, USER_SIDE, "number", "0x%08x", number);
	row(call, PLAIN, "direction", "%s",
	    old ? "not told: none, or a number from before _IOC()" : direction_of(number));
	row(call, PLAIN, "type", "0x%02x%s", type, letter);
	row(call, PLAIN, "nr", "0x%02x (%u)", _IOC_NR(number), _IOC_NR(number));
	if (old)
		row(call, PLAIN, "size", "not told");
	else
		row(call, PLAIN, "size", "%u bytes", size);
	row(call, STRONG, "name", "%s", name ? name : "not known here");
	row(call, PLAIN, "whose", "%s", owner ? owner : "not known here");
	if (ours && size != ours->argument->size)
		row(call, CHANGED, "differs", "this klab knows struct %s with %zu bytes",
		    ours->argument->name, ours->argument->size);
	if (ours && _IOC_DIR(number) != _IOC_DIR(ours->number))
		row(call, CHANGED, "differs", "the direction is %s",
		    direction_of(ours->number));

	json_number(top, "number", number);
	json_string(top, "direction", old ? NULL : direction_of(number));
	json_number(top, "type", type);
	json_number(top, "nr", _IOC_NR(number));
	json_object_object_add(top, "size", old ? NULL : json_object_new_uint64(size));
	json_string(top, "name", name);
	json_string(top, "whose", owner);
	json_finish(call, top);
	return DONE;
}
