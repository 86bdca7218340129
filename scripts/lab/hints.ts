/**
 * What is likely wrong, by the form of a message or by the root of a finding: what a student reads. What stands behind a
 * bar is for a program in Python alone.
 */

const LOOP =
  "a recv() or read() returns what has arrived, not what was asked for: call it in a loop until all bytes are there, or nothing more comes";
const COMPLETE = 'receive DONE and compare it before "Complete" is printed';

/** A hint stands after the first colon. */
export const HINTS: ReadonlyMap<string, string> = new Map(
  `newline: a newline follows: send the bytes alone|, as in sock.sendall(b"OK")
nul: NULs follow: send, and take, as many bytes as the text has, not the whole buffer
repr: that is how Python shows bytes: send the bytes themselves, not str() of them
space: a space stands beside it
garbage: other bytes follow the text, or stand in it: use only the n bytes that recv() returned (in C, buf[n] = 0; in Java, new String(buf, 0, n))
quotes: quotes stand around it: send the text itself, not its repr() or JSON
bom: a byte order mark stands before it: encode as utf-8, not utf-8-sig
utf16: that is UTF-16, two bytes a letter: encode as UTF-8 (writeChars() does not)
java: its length stands before it in two bytes, as writeUTF() sends it: send the bytes of the text alone
length: its length stands before it: the document's texts have none
case: the case of the letters counts
path: send the name as it was given on the command line, not the whole path
start: the name was cut: it may hold spaces, and be long
twice: it was sent twice
more: more follows it: send one message, then wait for the answer
before: another word stands before it, which this step does not have
word: that is another step's word: look at the order of the steps
text: that is a number as text: send how many bytes there are, in 8 bytes|, as in size.to_bytes(8, "big") or struct.pack("!Q", size)
little: the bytes are little-endian: network order is big-endian|, as in struct.pack("!Q", size)
htonl: the size stands in the upper half: htonl() is for 32 bits; use htobe64(), or shift the bytes out
short: that is the size in fewer than 8 bytes: it has 8|, as in size.to_bytes(8, "big") or struct.pack("!Q", size)
off: these are 8 bytes, but of another number: announce the file's size in bytes
done-in-data: DONE became part of the file: read no more than the bytes that are left|, as in recv(min(1024, left))
at-done: DONE in the file was taken for its end: count its bytes, as the size has them
lines: line ends were changed: read and write bytes, not lines of text|, in files opened with "rb" and "wb"
padded: the last block was filled up: write, or send, only the n bytes that the last read() or recv() returned
partial block: write, or send, only the n bytes that each read() or recv() returned
stripped: bytes at the ends were stripped, as strip() and trim() do: file data stays as it is
string: it ends before the first NUL: file data is no text: write as many bytes as came, not up to a NUL
decoded: bytes were changed, as text is decoded: file data stays bytes|, in files opened with "rb" and "wb"
unsent: not all of the file was sent: send what each read(1024) returns, until it returns nothing
accepted: it accepted the request: look at the file before it is answered
accepted folder: that is a folder, which may exist and be writable too: open the file for writing, and catch the error, before OK is sent
unprefixed: the text begins with "ERROR: ", with that case, colon and space
refused: create it in the folder in which the program was started, which is not that of the program's file; a file that is not there yet can't be asked whether it may be written|: os.access() is false
unfound: it is there, in the folder in which the program was started, which is not that of the program's file
waits more: it came after our next message: the program waits for one message too many before it
rounded: the number was rounded, as floating-point numbers are, which in JavaScript all numbers but BigInt are
replaced: a file that exists is no error: it is overwritten|, as by open(filename, "wb")
extra: a message of a later step, or one too many
stays: close the socket and leave when DONE has come
empty data: of an empty file no data comes: do not call recv() for it
mute: it waits for more than comes, as readLine() and readUTF() do: a message has no newline and no length; or its answer was not flushed
waits: all bytes had been sent, and it waits for more: count them, and stop at the size that was announced
unbound: bind to the port that is the first argument, and listen before anything else
elsewhere: connect to the host and the port that are the first two arguments
undeleted: delete first, then send DONE
unremoved: remove the file under the name that was given|, as by os.remove(filename)
unstored: open it under the name that was given, in the folder in which the program runs
untruncated: the old file was not truncated|: open it with "wb", not "r+b" or "ab"
stored empty: see that the size is read right, the bytes are written, and the file is closed before DONE
stored cut: ${LOOP}
halves: ${LOOP}
awaits OK: DEL has no OK: DONE follows on the request
names: a name may hold spaces and capitals: take all that follows the command and one space, as it came
letters: a name may have letters beyond ASCII: it is UTF-8 wherever it is sent, read or opened
unfinished Complete: ${COMPLETE}
early Complete: ${COMPLETE}
late waiting: print it before accept()
late line GET: print it before the first block
late line DEL: print it before the file is deleted
talks: print only if "-v" is among the arguments|: "-v" in sys.argv
says refused: look at the file before the line is printed
stays after error: close the socket and exit
goes on after error: print it and leave at once|, as by sys.exit(1)
unprinted: when a message begins with "ERROR: ", print "server error: " and the rest of it, and exit
more after error: return after the error: it ends the conversation
connects first: look whether the file is there before connect()
file left: create the file when the server has said OK
blocks: read at most 1024 bytes of the file at a time, and send each block by itself|: sock.sendall(block)
spoilt: its buffer was filled again before it had been sent: wait for each write, as for 'drain', or use a new buffer
memory: move a block at a time: read() without a size, a list of blocks, data += block, or writes not awaited hold it all
size: a size has 8 bytes and no sign: an int of 32 bits, or a signed one, can't hold it
partial: send() may take a part only: look at its result|, or use sendall()
next client: accept() the next client in a loop that never ends
next client vanish: recv() returns nothing when the client has left: end the loop, and accept() the next client
next client error: an error ends one conversation, not the loop
kept: something is left of the client before: set all that a conversation needs anew for each
next client idle: wait in accept() without a timeout
at once: serve a connection to its end before the next one: no thread, process or callback for each
bind: bind to all addresses: "localhost", "127.0.0.1" and gethostname() are for clients on this machine|; bind(("", port))
host: look the name up, as getaddrinfo() or gethostbyname() does: inet_addr() and inet_pton() take numbers alone
unclosed: close() the connection when its conversation is over
no lines: it printed no line at all
no verbose lines: it printed no line at all: look how it finds -v, its second argument (in Java, equals() compares strings)
stderr: it went to standard error|, as by sys.exit(text) or logging: print() writes to standard output
line nul: NULs were printed with it: take as many bytes as came, not the whole buffer
port: the port is in network order: ntohs()
uncompared: DONE had come: look whether it was taken with the data, and how it is compared (in Java by equals())
name case: the name's letters were changed: it stays as it came
line repr: decode() the bytes before you print them
line case: letter case, dots, and spaces at both ends count
line marks: spaces, colons, quotes and brackets count
lstrip: lstrip() removes letters, not a prefix: removeprefix("ERROR: "), or text[7:]
prefix: remove the prefix "ERROR: "`.split("\n").map((line) => line.split(/: (.*)/) as [string, string]),
);

/** A hint, as who wrote the program of this name reads it. */
export function hintFor(program: string | undefined, hint: string | undefined): string | undefined {
  return /\.py\b|python/i.test(program ?? "") ? hint?.replace("|", "") : hint?.replace(/\|.*/, "");
}
