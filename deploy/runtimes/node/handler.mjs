import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { runtimeError } from "./errors.mjs";
import { isStreaming } from "./streaming.mjs";

/**
 * Loads the function that a handler such as `index.handler` or `src/app.api.get` names, out of an ES module or a CommonJS
 * one, in AWS's order of file names.
 * @throws Error with AWS's names: MalformedHandlerName, ImportModuleError, UserCodeSyntaxError, HandlerNotFound,
 * CallbackHandlerDeprecated
 */
export async function loadHandler(taskRoot, name) {
  const [, module, path] = /^((?:.*\/)?[^./]+)\.([^/]+)$/.exec(name) ?? [];
  if (module === undefined || name.includes("..")) {
    throw runtimeError("MalformedHandlerName", `'${name}' is no handler's name; expected one such as index.handler`);
  }
  const loaded = await load(taskRoot, module);
  const handler = exported(loaded, path) ?? exported(loaded.default, path);
  if (handler === undefined) throw runtimeError("HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw runtimeError("HandlerNotFound", `${name} is not a function`);
  if (handler.length >= 3 && !isStreaming(handler)) {
    throw runtimeError("CallbackHandlerDeprecated", `${name} takes a callback: make it an async function`);
  }
  return handler;
}

async function load(taskRoot, module) {
  try {
    return await import(pathToFileURL(find(resolve(taskRoot, module), module)));
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError("UserCodeSyntaxError", String(error));
    if (error?.code === "MODULE_NOT_FOUND") throw runtimeError("ImportModuleError", String(error));
    throw error;
  }
}

/** @param path without its ending @throws Error as `require` does when there is no such file, and no such package */
function find(path, module) {
  const file = ["", ".js", ".mjs", ".cjs"].map((ending) => path + ending).find(isFile);
  return file ?? createRequire(path).resolve(module, { paths: [dirname(path)] });
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function exported(module, path) {
  return path.split(".").reduce((value, key) => value?.[key], module);
}
