// Dark or light as Locust is set, else as the system is; in the head, so that nothing flashes in the other colour.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.theme ?? (system.matches ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply); // the button in Locust's own bar
})();
