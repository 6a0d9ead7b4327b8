/** A file that is read again when it changes, as `/ready` shows it. */
export interface FileStatus {
  readonly file: string;
  /** What holds of it: functions, or routes. */
  readonly count: number;
  /** Why the file as it is now does not hold. */
  readonly error?: string;
}

/**
 * What those may know of a file's state who can ask for it. Messages repeat what the file says, which can be a secret in
 * a wrong place: in production, where `/ready` is open to everybody, only the places are told, and the log has the rest.
 */
export function fileStatus(
  { file, count, error }: Omit<FileStatus, "error"> & { readonly error?: string | undefined },
  development: boolean,
): FileStatus {
  if (error === undefined) return { file, count };
  return { file, count, error: development ? error : withoutContent(error, file) };
}

/** @param message lines `file:line:column: what is wrong`, or one that no line of the file is the reason of */
function withoutContent(message: string, file: string): string {
  const places = message.split("\n").flatMap((line) => {
    const place = line.startsWith(file) ? /^:\d+:\d+(?=: )/.exec(line.slice(file.length)) : null;
    return place === null ? [] : [`${file}${place[0]}: not right; the gateway's log says why`];
  });
  return places.length === 0 ? message : places.join("\n");
}
