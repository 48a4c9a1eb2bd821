// Follows the colours that the system asks for, before the page is painted.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", follow);
follow();
// On a narrow screen the menu begins closed.
document.addEventListener("DOMContentLoaded", () => {
  if (matchMedia("(max-width: 991px)").matches) document.querySelector(".menu")?.removeAttribute("open");
});
