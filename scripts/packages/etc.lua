-- The text files of a root: accounts, names, what a shell reads.
---@type bq.RecipeFile
return {
  name = "etc",
  version = "1",
  license = "MIT",
  strategy = "files",
  -- No step needs these: bq gives each root its accounts and hosts. A change of a text builds nothing else again.
  in_base = false,
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
