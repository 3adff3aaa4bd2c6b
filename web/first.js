// What must be so before anything is painted: light or dark, and no door for one who only loads the page anew.
{
  const { dataset } = document.documentElement;
  let chosen = "";
  try {
    chosen = localStorage.getItem("chat.theme");
    if (sessionStorage.getItem("chat.note")) dataset.back = "";
  } catch {
    // nothing may be remembered here
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = chosen || (dark ? "dark" : "light");
}
