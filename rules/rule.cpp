namespace sentinel::rules {}
