/* Starts the kernel that is in a section of this very file, with the command line and the first root of other sections: a
 * unified kernel image (https://uapi-group.org/specifications/specs/unified_kernel_image/). What comes from the firmware is
 * described in the UEFI specification 2.10: chapters 4 (tables), 7.4 (images), 9 (loaded image), 10 (device paths), 13.2 (load
 * file). The kernel asks for its first root as its Documentation/admin-guide/efi-stub.rst says. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef u64 status;
typedef void *handle;

#define ERROR(number) (0x8000000000000000ull | (number))
#define LOAD_ERROR ERROR(1)
#define INVALID_PARAMETER ERROR(2)
#define BUFFER_TOO_SMALL ERROR(5)

typedef struct {
  u32 a;
  u16 b, c;
  u8 d[8];
} guid;

static guid loaded_image_id = {0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static guid device_path_id = {0x09576e91, 0x6d3f, 0x11d2, {0x8e, 0x39, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static guid load_file2_id = {0x4006c0c1, 0xfcb3, 0x403e, {0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d}};

struct boot_services {
  u8 header[24];
  void *before_allocate_pool[5];
  status (*allocate_pool)(u32 type, u64 size, void **buffer);
  void *before_install[7];
  status (*install_protocol)(handle *handle, guid *id, u32 type, void *protocol);
  void *before_handle_protocol[2];
  status (*handle_protocol)(handle handle, guid *id, void **protocol);
  void *before_load_image[5];
  status (*load_image)(u8 policy, handle parent, void *path, void *source, u64 size, handle *image);
  status (*start_image)(handle image, u64 *size, u16 **data);
};

struct text_output {
  void *reset;
  status (*write)(struct text_output *self, const u16 *text);
};

struct system_table {
  u8 header[24];
  u16 *vendor;
  u32 revision;
  handle input_handle;
  void *input;
  handle output_handle;
  struct text_output *output;
  handle error_handle;
  void *error;
  void *runtime;
  struct boot_services *boot;
};

struct loaded_image {
  u32 revision;
  handle parent;
  struct system_table *system;
  handle device;
  void *path;
  void *reserved;
  u32 options_size;
  void *options;
  u8 *base;
  u64 size;
};

/* A section of the file, as it is in memory. */
struct part {
  u8 *start;
  u64 size;
};

struct load_file {
  status (*load)(struct load_file *self, void *path, u8 is_boot, u64 *size, void *buffer);
  struct part part;
};

#pragma pack(push, 1)
struct node {
  u8 type, subtype;
  u16 length;
};
/* Where the kernel looks for its first root: LINUX_EFI_INITRD_MEDIA_GUID. */
static struct {
  struct node vendor;
  guid id;
  struct node end;
} initrd_path = {
    {4, 3, 20}, {0x5568e427, 0x68fc, 0x4f3d, {0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68}}, {0x7f, 0xff, 4}};
/* Where the kernel is: some firmware loads nothing without a path. */
static struct {
  struct node memory;
  u32 kind;
  u64 first, last;
  struct node end;
} kernel_path = {{1, 3, 24}, 2, 0, 0, {0x7f, 0xff, 4}};
#pragma pack(pop)

/* The compiler may call these for what it makes of loops and assignments. */
void *memcpy(void *to, const void *from, u64 size) {
  volatile u8 *out = to;
  const u8 *in = from;
  u64 at = 0;
  for (; at + 8 <= size; at += 8)
    *(volatile u64 *)(out + at) = *(const u64 *)(in + at);
  for (; at < size; at++)
    out[at] = in[at];
  return to;
}

void *memset(void *to, int value, u64 size) {
  for (u64 at = 0; at < size; at++)
    ((volatile u8 *)to)[at] = (u8)value;
  return to;
}

static u32 number(const u8 *at) { return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24; }

/* The section of this name; empty if there is none. */
static struct part find(u8 *base, const char *name) {
  struct part found = {0, 0};
  u8 *header = base + number(base + 60);
  u32 count = header[6] | header[7] << 8, optional = header[20] | header[21] << 8;
  for (u32 index = 0; index < count; index++) {
    u8 *section = header + 24 + optional + index * 40;
    u32 at = 0;
    while (at < 8 && section[at] == (u8)name[at] && name[at])
      at++;
    if (at == 8 || section[at] == (u8)name[at]) {
      found.start = base + number(section + 12);
      found.size = number(section + 8);
    }
  }
  return found;
}

static status load(struct load_file *self, void *path, u8 is_boot, u64 *size, void *buffer) {
  (void)path;
  if (!self || !size)
    return INVALID_PARAMETER;
  if (is_boot)
    return ERROR(3);
  u64 room = *size;
  *size = self->part.size;
  if (!buffer || room < self->part.size)
    return BUFFER_TOO_SMALL;
  memcpy(buffer, self->part.start, self->part.size);
  return 0;
}

static struct load_file initrd = {load, {0, 0}};

static status start(handle self, struct system_table *system) {
  struct boot_services *boot = system->boot;
  struct loaded_image *own, *kernel;
  handle image = 0, initrd_handle = 0;
  status result = boot->handle_protocol(self, &loaded_image_id, (void **)&own);
  if (result)
    return result;
  struct part linux = find(own->base, ".linux"), line = find(own->base, ".cmdline");
  initrd.part = find(own->base, ".initrd");
  if (!linux.size)
    return LOAD_ERROR;
  kernel_path.first = (u64)linux.start;
  kernel_path.last = (u64)linux.start + linux.size;
  result = boot->load_image(0, self, &kernel_path, linux.start, linux.size, &image);
  if (result)
    return result;
  result = boot->handle_protocol(image, &loaded_image_id, (void **)&kernel);
  if (result)
    return result;
  kernel->device = own->device;
  kernel->options = own->options;
  kernel->options_size = own->options_size;
  if (line.size) {
    u16 *text;
    result = boot->allocate_pool(2, (line.size + 1) * 2, (void **)&text);
    if (result)
      return result;
    for (u64 at = 0; at < line.size; at++)
      text[at] = line.start[at];
    text[line.size] = 0;
    kernel->options = text;
    kernel->options_size = (u32)(line.size + 1) * 2;
  }
  if (initrd.part.size) {
    result = boot->install_protocol(&initrd_handle, &device_path_id, 0, &initrd_path);
    if (!result)
      result = boot->install_protocol(&initrd_handle, &load_file2_id, 0, &initrd);
    if (result)
      return result;
  }
  return boot->start_image(image, 0, 0);
}

status efi_main(handle self, struct system_table *system) {
  status result = start(self, system);
  /* A kernel that starts does not come back. */
  system->output->write(system->output, u"the kernel of this file cannot be started\r\n");
  return result ? result : LOAD_ERROR;
}
