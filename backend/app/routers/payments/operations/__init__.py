"""Operations: commands for operators, routes for administrators, checks and repairs."""
