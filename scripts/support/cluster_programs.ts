/** What a cluster on this machine takes, and the Debian packages that have it. */
export const CLUSTER_PROGRAMS = {
  glusterd: "glusterfs-server",
  haproxy: "haproxy",
  ip: "iproute2",
  unshare: "util-linux",
};

/** The packages that are missing for a cluster, and other reasons why there can be none. */
export function missingPrograms(): string[] {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return ["root on Linux"];
  const isThere = (program: string): boolean =>
    new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).outputSync().success;
  return Object.entries(CLUSTER_PROGRAMS).filter(([program]) => !isThere(program)).map(([, name]) => name);
}
