import { LambdaError } from "../http/errors.ts";
import { invalid, tooLong } from "./validation.ts";

/** The account in ARNs; there is only one. */
export const accountId = "123456789012";

/** How Lambda itself states the constraints (API_Invoke, FunctionName and Qualifier). */
const awsPattern =
  "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const awsQualifierPattern = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/** Of an ARN all parts but the partition must be there; of what comes without its beginning, each part may be. */
const inFull = /arn:(?:aws[a-zA-Z-]*)?:lambda:([a-z0-9-]+):\d{12}:function:/.source;
const inPart = /((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d:)?(?:\d{12}:)?(?:function:)?/.source;
const pattern = new RegExp(
  `^(?:${inFull}|${inPart})([a-zA-Z0-9_.-]+)(?::(\\$LATEST(?:\\.PUBLISHED)?|[a-zA-Z0-9_-]+))?$`,
);
const qualifierPattern = /^[a-zA-Z0-9_$-]+$|^\$LATEST\.PUBLISHED$/;
const longestReference = 256;
const longestName = 64;
const longestQualifier = 128;

/** A function as a client has called it. */
export interface FunctionReference {
  readonly name: string;
  /** Undefined: none was given, which means `$LATEST`. */
  readonly qualifier: string | undefined;
}

/**
 * Finds the function in what a client may call it: a name, a partial or a full ARN, each with or without a qualifier.
 * @throws LambdaError ValidationException, InvalidParameterValueException; ResourceNotFoundException for another region
 */
export function toFunctionReference(
  reference: string,
  qualifier: string | undefined,
  region: string,
): FunctionReference {
  if (reference.length > longestReference) throw tooLong("functionName", reference, longestReference);
  const match = pattern.exec(reference);
  const name = match?.[3];
  if (match === null || name === undefined) throw invalidName(reference);
  if (name.length > longestName) throw tooLong("functionName", name, longestName);
  if (qualifier !== undefined) assertQualifier(qualifier);
  const inRegion = match[1] ?? match[2]?.slice(0, -1);
  if (inRegion !== undefined && inRegion !== region) {
    const message = `Functions from '${inRegion}' are not reachable in this region ('${region}')`;
    throw new LambdaError("ResourceNotFoundException", message);
  }
  const inName = match[4];
  if (inName !== undefined && qualifier !== undefined && inName !== qualifier) {
    throw new LambdaError(
      "InvalidParameterValueException",
      `The derived qualifier from the function name does not match the specified qualifier.`,
    );
  }
  return { name, qualifier: inName ?? qualifier };
}

function assertQualifier(qualifier: string): void {
  if (qualifier === "") throw invalid("qualifier", qualifier, "Member must have length greater than or equal to 1");
  if (qualifier.length > longestQualifier) throw tooLong("qualifier", qualifier, longestQualifier);
  if (qualifierPattern.test(qualifier)) return;
  throw invalid("qualifier", qualifier, `Member must satisfy regular expression pattern: ${awsQualifierPattern}`);
}

/**
 * There are no published versions and no aliases: a function has `$LATEST` alone.
 * @throws LambdaError NoPublishedVersionException, ResourceNotFoundException
 */
export function assertVersion(reference: FunctionReference, region: string): void {
  const { qualifier = "$LATEST" } = reference;
  if (qualifier === "$LATEST") return;
  if (qualifier !== "$LATEST.PUBLISHED") throw notFound(reference, region);
  throw new LambdaError("NoPublishedVersionException", "The function has no published versions available.");
}

/** The ARN by which a function was invoked, the qualifier being part of it where there was one. */
export function arnOf({ name, qualifier }: FunctionReference, region: string): string {
  const unqualified = `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  return qualifier === undefined ? unqualified : `${unqualified}:${qualifier}`;
}

export function notFound(reference: FunctionReference, region: string): LambdaError {
  return new LambdaError("ResourceNotFoundException", `Function not found: ${arnOf(reference, region)}`);
}

/** A name that is no name at all. */
export function invalidName(reference: string): LambdaError {
  return invalid("functionName", reference, `Member must satisfy regular expression pattern: ${awsPattern}`);
}
