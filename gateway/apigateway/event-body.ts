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
  return binary || !isUtf8(bytes)
    ? { body: bytes.toString("base64"), isBase64Encoded: true }
    : { body: bytes.toString("utf8"), isBase64Encoded: false };
}
