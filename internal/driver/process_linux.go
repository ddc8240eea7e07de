package driver

import "syscall"

// tied makes the engine die with us. It is for engines whose providers live in our process: one that outlived them would take the providers'
// disappearance for failures and forget what they had made.
func tied(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
