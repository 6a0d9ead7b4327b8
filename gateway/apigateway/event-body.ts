import { isUtf8 } from "node:buffer";

/** A request's body in an event; undefined when it is empty. */
export interface EventBody {
  readonly body: string | undefined;
  readonly isBase64Encoded: boolean;
}

/**
 * @param binary whether the body's media type is one that goes as base64. What is called text and is no UTF-8 goes as
 * base64 all the same: REST APIs would replace its bytes by U+FFFD, and nobody could read it any more.
 */
export function eventBody(bytes: Buffer, binary: boolean): EventBody {
  if (bytes.length === 0) {
    return { body: undefined, isBase64Encoded: false };
  }
  if (!binary) {
    const text = bytes.toString("utf8");
    // Only where this stands it may stand for what is no UTF-8; looking at the bytes costs as much as reading them.
    if (!text.includes("\ufffd") || isUtf8(bytes)) return { body: text, isBase64Encoded: false };
  }
  return { body: bytes.toString("base64"), isBase64Encoded: true };
}
