import type { HeaderList } from "./request.ts";

/** The value of the last header of this name; undefined when there is none. @param lowerCaseName in lower case */
export function headerOf(headers: HeaderList, lowerCaseName: string): string | undefined {
  let found: string | undefined;
  for (const header of headers) {
    if (isNamed(header[0], lowerCaseName)) found = header[1];
  }
  return found;
}

/** The values of all headers of this name, in their order. @param lowerCaseName in lower case */
export function headersOf(headers: HeaderList, lowerCaseName: string): string[] {
  const found: string[] = [];
  for (const header of headers) {
    if (isNamed(header[0], lowerCaseName)) found.push(header[1]);
  }
  return found;
}

function isNamed(name: string, lowerCaseName: string): boolean {
  return name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName;
}
