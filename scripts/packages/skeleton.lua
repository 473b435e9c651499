-- The folders and the few files that a root has before any program: merged, so that /bin, /sbin and /lib are links.
---@type bq.RecipeFile
return {
  name = "skeleton",
  version = "1",
  license = "MIT",
  strategy = "files",
  folders = {
    "/boot", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys",
    "/usr/bin", "/usr/lib", "/usr/local/bin", "/usr/sbin", "/usr/share",
    "/var/cache", "/var/lib", "/var/log", "/var/spool",
  },
  sticky = { "/tmp", "/var/tmp" },
  links = {
    ["/bin"] = "usr/bin",
    ["/lib"] = "usr/lib",
    ["/sbin"] = "usr/sbin",
    ["/var/run"] = "../run",
    ["/etc/mtab"] = "/proc/self/mounts",
  },
  files = {
    ["/etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ["/etc/group"] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    ["/etc/shadow"] = "root::::::::\nnobody:!:::::::\n",
    ["/etc/hostname"] = "bq\n",
    ["/etc/hosts"] = "127.0.0.1 localhost bq\n::1 localhost\n",
    ["/etc/shells"] = "/bin/sh\n",
    ["/etc/profile"] = "export PATH=/usr/local/bin:/usr/bin:/usr/sbin\nPS1='\\u@\\h:\\w\\$ '\n",
    ["/etc/os-release"] = 'NAME="bq"\nID=bq\nPRETTY_NAME="bq"\n',
  },
}
