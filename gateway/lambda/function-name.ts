import { LambdaError } from "../http/errors.ts";

/** The account in ARNs; there is only one. */
export const accountId = "123456789012";

/** How Lambda itself states the constraint (API_Invoke, FunctionName). */
const awsPattern =
  "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

const arn =
  /^(?:arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):function:|(\d{12}):function:|function:)?([a-zA-Z0-9_-]+)(?::(\$LATEST|[a-zA-Z0-9_-]+))?$/;
const qualifierPattern = /^(\$LATEST|[a-zA-Z0-9_-]{1,128})$/;
const longestReference = 170;
const longestName = 64;

/**
 * Finds the function's name in what a client may call it: a name, a partial or a full ARN, each with or without a
 * qualifier. There are no versions yet, so that `$LATEST` is the only one.
 * @throws LambdaError ValidationException, ResourceNotFoundException
 */
export function toFunctionName(reference: string, qualifier: string | undefined, region: string): string {
  if (reference.length > longestReference) throw tooLong(reference, longestReference);
  const match = arn.exec(reference);
  const name = match?.[4];
  if (match === null || name === undefined) {
    throw invalid("functionName", reference, `Member must satisfy regular expression pattern: ${awsPattern}`);
  }
  if (name.length > longestName) throw tooLong(name, longestName);
  if (qualifier !== undefined && !qualifierPattern.test(qualifier)) {
    throw invalid("qualifier", qualifier, "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)");
  }
  const [, inRegion, , , , inName] = match;
  if (inName !== undefined && qualifier !== undefined && inName !== qualifier) {
    throw new LambdaError(
      "InvalidParameterValueException",
      `The derived qualifier from the function name does not match the specified qualifier.`,
    );
  }
  const wanted = inName ?? qualifier ?? "$LATEST";
  if (wanted !== "$LATEST" || (inRegion !== undefined && inRegion !== region)) {
    throw notFound(name, inRegion ?? region, wanted);
  }
  return name;
}

/** The function's ARN where it was invoked with a qualifier, which is then part of it; else undefined. */
export function qualifiedArn(reference: string, qualifier: string | undefined, region: string): string | undefined {
  const named = qualifier ?? (reference.endsWith(":$LATEST") ? "$LATEST" : undefined);
  if (named === undefined) return undefined;
  return `arn:aws:lambda:${region}:${accountId}:function:${toFunctionName(reference, qualifier, region)}:${named}`;
}

export function notFound(name: string, region: string, qualifier = "$LATEST"): LambdaError {
  return new LambdaError(
    "ResourceNotFoundException",
    `Function not found: arn:aws:lambda:${region}:${accountId}:function:${name}:${qualifier}`,
  );
}

/** A name that is no name at all; for paths that the router could not take apart. */
export function invalidName(reference: string): LambdaError {
  return invalid("functionName", reference, `Member must satisfy regular expression pattern: ${awsPattern}`);
}

function tooLong(value: string, most: number): LambdaError {
  return invalid("functionName", value, `Member must have length less than or equal to ${most}`);
}

function invalid(member: string, value: string, constraint: string): LambdaError {
  return new LambdaError(
    "ValidationException",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}
