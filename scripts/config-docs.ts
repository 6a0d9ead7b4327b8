/** Writes docs/configuration.md from the table of settings; `--check` fails when it is not up to date. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Process, settings } from "../common/settings.ts";

const path = join(import.meta.dirname, "../docs/configuration.md");

const sections: readonly { process: Process; title: string; intro: string }[] = [
  { process: "agent", title: "Agent", intro: "`node agent/main.ts`: runs the workers on containerd." },
  { process: "gateway", title: "Gateway", intro: "`node gateway/main.ts`: speaks HTTP to clients." },
  {
    process: "scripts",
    title: "Scripts",
    intro: "`npm run up` and `npm run down` check all settings and hand them on; these they use themselves.",
  },
];

function configurationPage(): string {
  const head = `# Configuration

<!-- Generated from common/settings.ts by scripts/config-docs.ts; \`npm run format\` writes it anew. -->

A setting is an environment variable; an empty one counts as absent. Every setting is checked when a process starts:
a wrong value stops it with the value and what would be right. A variable that begins with \`ESB_\` and is not listed
here is warned of, with the nearest name that is.
`;
  return [head, ...sections.map(section)].join("\n");
}

function section({ process, title, intro }: (typeof sections)[number]): string {
  const rows = Object.entries(settings)
    .filter(([, setting]) => (setting.usedBy as readonly Process[]).includes(process))
    .map(([name, setting]) => {
      const value = "default" in setting ? `\`${setting.default || '""'}\`` : "";
      return `| \`${name}\` | ${value} | ${setting.description.replaceAll("|", "\\|")} |`;
    });
  return [`## ${title}`, "", intro, "", "| name | default | what it does |", "|---|---|---|", ...rows, ""].join("\n");
}

const page = configurationPage();
if (!process.argv.includes("--check")) await writeFile(path, page);
else if ((await readFile(path, "utf8").catch(() => "")) !== page) {
  console.error("docs/configuration.md is not what common/settings.ts says; run: npm run format");
  process.exitCode = 1;
}
