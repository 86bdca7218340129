/** What the document says about the server's errors: section 6. */

import { STEPS, type Verb } from "../../lib/protocol.ts";
import type { Check } from "./check.ts";
import type { Programs } from "./program.ts";
import type { Talk } from "./talk.ts";

const { GET, PUT, DEL } = STEPS;

/** Requests that every server must refuse; a folder in a file's place stops every user, root too. */
export const REFUSED = ["GET none", "DEL none", "PUT folder"];

/** An error of the server's. */
function refusal(
  id: string,
  title: string,
  request: string,
  error: string,
  step: string,
  more: Partial<Check> = {},
): Check {
  const run = async (programs: Programs): Promise<void> => {
    // A folder in a file's place stops every user, root too.
    await programs.folder.folder("folder");
    const talk = await programs.startServer().connect();
    await talk.hear(GET[0], "READY");
    await talk.say(GET[1].replace("GET <filename>", request.slice(0, 3) + " <filename>"), request);
    await talk.hear(step, error);
    await talk.hearEnd(step, "return after the error: it ends the conversation");
  };
  return { id, about: "server", title, run, ...more };
}

/** A request that the server must answer with an error, whatever its words are. */
export async function refuse(talk: Talk, request: string): Promise<void> {
  const steps = STEPS[request.slice(0, 3) as Verb];
  await talk.hear(steps[0], "READY");
  await talk.say(steps[1], request);
  await talk.hear(steps[2], "ERROR: ");
  talk.close();
}

/** Section 6. */
export const SERVER_ERRORS: Check[] = [
  refusal("6.1", `GET: "ERROR: <filename> does not exist"`, "GET none", "ERROR: none does not exist", GET[2]),
  refusal("6.2", `DEL: "ERROR: <filename> does not exist"`, "DEL none", "ERROR: none does not exist", DEL[2]),
  refusal(
    "6.3",
    `PUT: "ERROR: unable to create file <filename>"`,
    "PUT folder",
    "ERROR: unable to create file folder",
    PUT[2],
  ),
  refusal(
    "6.4",
    `DEL: "ERROR: unable to delete <filename>"`,
    "DEL folder",
    "ERROR: unable to delete folder",
    DEL[2],
    {
      strict: "the document makes it optional",
    },
  ),
];
