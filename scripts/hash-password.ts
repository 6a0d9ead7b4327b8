import { text } from "node:stream/consumers";
import { hashPassword } from "../gateway/auth/passwords/hash.ts";

/** Prints the hash of the password on standard input, as ESB_AUTH_FILE has it; the shell's history never sees it. */
if (process.stdin.isTTY) process.stderr.write("Password, then Enter and Ctrl-D: ");
const password = (await text(process.stdin)).replace(/\r?\n$/, "");
if (password.length < 8) {
  process.stderr.write("must be 8 characters or longer\n");
  process.exit(1);
}
console.log(await hashPassword(password));
