import { invocationTypes, logTypes } from "../lambda/request.ts";
import { eventStreamType } from "../streaming/event-stream.ts";
import { answersOfLambda } from "./answers.ts";
import type { Answer, Content, Operation, Parameter, Paths, Security } from "./model.ts";

const text = { type: "string" } as const;

/** Lambda's API, as far as it is there. @param tag that its operations have */
export function lambdaPaths(security: Security, tag: string): Paths {
  const shared = { tags: [tag], security, requestBody: { required: false, content: anyJson } };
  return {
    "/2015-03-31/functions/{name}/invocations": { post: { ...shared, ...invoke } },
    "/2021-11-15/functions/{name}/response-streaming-invocations": { post: { ...shared, ...invokeWithStream } },
    "/2014-11-13/functions/{name}/invoke-async/": { post: { ...shared, ...invokeAsync } },
  };
}

type Told = Pick<Operation, "summary" | "description" | "parameters" | "responses">;

const anyJson: Content = { "application/json": { schema: true } };
const named: readonly Parameter[] = [
  { name: "name", in: "path", required: true, description: "Name or ARN of the function.", schema: text },
  { name: "Qualifier", in: "query", description: "Version or alias.", schema: text },
];
const executedVersion = { "x-amz-executed-version": { description: "The function's version.", schema: text } };
const dryRun: Answer = { description: "DryRun: the function could be invoked." };

function parameters(types: readonly string[]): Parameter[] {
  return [
    ...named,
    { name: "X-Amz-Invocation-Type", in: "header", schema: { ...text, enum: types } },
    { name: "X-Amz-Log-Type", in: "header", schema: { ...text, enum: logTypes } },
    { name: "X-Amz-Client-Context", in: "header", description: "JSON in base64.", schema: text },
  ];
}

/** docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
const invoke: Told = {
  summary: "Invokes a function, as Lambda's Invoke",
  parameters: parameters(invocationTypes),
  responses: {
    200: {
      description: "What the function answered, or, with x-amz-function-error, its error.",
      headers: {
        ...executedVersion,
        "x-amz-function-error": { description: "There when the function failed.", schema: text },
        "x-amz-log-result": { description: "With Tail: the end of the log, in base64.", schema: text },
      },
      content: anyJson,
    },
    202: { description: "Event: the function will be invoked." },
    204: dryRun,
    ...answersOfLambda(),
  },
};

/** docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html */
const invokeWithStream: Told = {
  summary: "Invokes a function and answers as it does, piece by piece, as Lambda's InvokeWithResponseStream",
  parameters: parameters(invocationTypes.filter((type) => type !== "Event")),
  responses: {
    200: {
      description:
        "A PayloadChunk for each piece as it comes, then one InvokeComplete, which says whether the function failed.",
      headers: executedVersion,
      content: { [eventStreamType]: {} },
    },
    204: dryRun,
    ...answersOfLambda(),
  },
};

/** docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html */
const invokeAsync: Told = {
  summary: "Accepts an event for a function, as Lambda's InvokeAsync",
  description: "Older than Invoke with the type Event, which does the same.",
  parameters: named,
  responses: { 202: { description: "The function will be invoked." }, ...answersOfLambda() },
};
