/** The Python that the tests start their peers with. */

/**
 * The interpreter behind `python3`. Where that is a script that looks for one first, as pyenv's is, each start would
 * take several times as long.
 */
export const PYTHON_PATH = interpreter();

function interpreter(): string {
  try {
    const args = ["-c", "import sys; print(sys.executable)"];
    return new TextDecoder().decode(new Deno.Command("python3", { args, stderr: "null" }).outputSync().stdout).trim() ||
      "python3";
  } catch {
    return "python3"; // There is none: the tests that need it are left out.
  }
}
