/** Which system calls programs of strangers do without, as a filter for the kernel (seccomp(2), `SECCOMP_MODE_FILTER`). */

// Memory that belongs to no process, so that no limit of one counts it: memfd_create, memfd_secret, shmget, semget, msgget,
// and mmap() of memory that is shared. What moves data unseen by strace: splice, vmsplice, tee, io_uring_setup, io_submit,
// sendmmsg, pwritev, pwritev2. And the user's keys, which no namespace hides: add_key, request_key, keyctl.
// Each machine: its number, mmap() and those calls.
const MACHINES = {
  x86_64: [0xc000003e, 9, [319, 447, 29, 64, 68, 275, 278, 276, 425, 209, 307, 296, 328, 248, 249, 250]],
  aarch64: [0xc00000b7, 222, [279, 447, 194, 190, 186, 76, 75, 77, 425, 2, 269, 70, 287, 217, 218, 219]],
} as const;
// MAP_SHARED and MAP_ANONYMOUS, in the fourth argument of mmap().
const SHARED_MEMORY = 0x21;
// Of x86's third set of calls, the same with this bit.
const X32 = 0x40000000;
// Programs have another way where a kernel does not know a call like this.
const EINVAL = 22;
// BPF's instructions: load a word, and it with another, jump if equal or at least, return.
const [LOAD, AND, EQUAL, LEAST, RETURN] = [0x20, 0x54, 0x15, 0x35, 0x06];
const [ALLOW, FAIL] = [0x7fff0000, 0x00050000 | EINVAL];
const [CALL_OFFSET, MACHINE_OFFSET, FOURTH_OFFSET] = [0, 4, 40];

/** The filter, for the machine that this is: those calls fail, and so do all of another machine's. */
export function filter(): Uint8Array {
  const [audit, mmap, calls] = MACHINES[Deno.build.arch];
  const program = [
    [LOAD, 0, 0, MACHINE_OFFSET],
    [EQUAL, 0, calls.length + 7, audit],
    [LOAD, 0, 0, CALL_OFFSET],
    [LEAST, calls.length + 5, 0, X32],
    ...calls.map((call, index) => [EQUAL, calls.length - index + 4, 0, call]),
    [EQUAL, 0, 3, mmap],
    [LOAD, 0, 0, FOURTH_OFFSET],
    [AND, 0, 0, SHARED_MEMORY],
    [EQUAL, 1, 0, SHARED_MEMORY],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, FAIL],
  ];
  return Uint8Array.from(program.flatMap(([code = 0, isTrue = 0, isFalse = 0, value = 0]) => [
    ...[code, 0, isTrue, isFalse],
    ...new Uint8Array(Uint32Array.of(value).buffer),
  ]));
}
