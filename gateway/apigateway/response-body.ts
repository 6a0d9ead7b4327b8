import { type Answer, excerpt, malformed } from "./response-answer.ts";

/** The `body` of an answer: its exact text in UTF-8. @throws Malformed when it is no text */
export function bodyText(answer: Answer): string {
  const { body } = answer;
  if (body === undefined || body === null) {
    return "";
  }
  return typeof body === "string" ? body : malformed(`body is no string: ${excerpt(body)}`);
}

/** @throws Malformed when it is neither true nor false; absent and null are false */
export function isBase64Encoded(answer: Answer): boolean {
  switch (answer.isBase64Encoded) {
    case true:
    case "true":
      return true;
    case false:
    case "false":
    case undefined:
    case null:
      return false;
    default:
      return malformed(`isBase64Encoded is neither true nor false: ${excerpt(answer.isBase64Encoded)}`);
  }
}

/** @throws Malformed when it is no base64; line ends in it are none of its bytes (RFC 2045 section 6.8) */
export function fromBase64(text: string): Buffer {
  const plain = /\s/.test(text) ? text.replaceAll(/\s+/g, "") : text;
  const bytes = Buffer.from(plain, "base64");
  // Node skips what is no base64, which shows in the length: four characters are three bytes, one alone is none.
  const digits = plain.endsWith("==") ? plain.length - 2 : plain.endsWith("=") ? plain.length - 1 : plain.length;
  return digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4)
    ? bytes
    : malformed("isBase64Encoded is true and the body is no base64");
}
