// Sets light or dark before anything is painted: what was chosen last, else what the system prefers.
{
  let chosen = "";
  try {
    chosen = localStorage.getItem("chat.theme");
  } catch {
    // nothing may be remembered here
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen || (dark ? "dark" : "light");
}
